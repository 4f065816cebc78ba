import { isAbsolute, join } from 'node:path/posix'
import type { PolicyFiles } from './files.ts'

/** Directories deeper than this are not searched by `**`. */
const DEPTH = 16

export function hasWildcard(pattern: string): boolean {
  return /[*?]/.test(pattern)
}

/** The files that match, in byte order. `*` and `?` stay within a name and skip hidden files. */
export function expandGlob(base: string, pattern: string, files: PolicyFiles): string[] {
  const start = isAbsolute(pattern) ? '/' : base
  const segments = pattern.split('/').filter((segment) => segment !== '' && segment !== '.')
  const found = new Set(search(start, segments, { files, depth: 0 }))
  return [...found].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

interface Search {
  readonly files: PolicyFiles
  readonly depth: number
}

function search(directory: string, segments: readonly string[], state: Search): string[] {
  const [segment, ...rest] = segments
  if (segment === undefined || state.depth > DEPTH) return []
  const deeper = { ...state, depth: state.depth + 1 }
  if (segment === '**') {
    const below = state.files
      .list(directory)
      .filter((entry) => entry.isDirectory && !entry.name.startsWith('.'))
      .flatMap((entry) => search(join(directory, entry.name), segments, deeper))
    return [...search(directory, rest, state), ...below]
  }
  if (!hasWildcard(segment)) {
    const path = join(directory, segment)
    if (rest.length > 0) return search(path, rest, deeper)
    return state.files.realPath(path) === undefined ? [] : [path]
  }
  const isMatch = segmentMatcher(segment)
  return state.files.list(directory).flatMap(({ name, isDirectory }) => {
    if (!isMatch(name) || name.startsWith('.')) return []
    const path = join(directory, name)
    if (rest.length > 0) return search(path, rest, deeper)
    return isDirectory ? [] : [path]
  })
}

function segmentMatcher(segment: string): (name: string) => boolean {
  const escaped = segment.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
  const pattern = new RegExp(`^${escaped.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')}$`)
  return (name) => pattern.test(name)
}
