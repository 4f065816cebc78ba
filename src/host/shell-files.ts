/**
 * The files of a machine that has no Node: by POSIX sh, coreutils and nothing else, one script for each
 * operation, because each takes a round trip. Paths and sizes are words of the script, never text in
 * it; what is to be written comes on stdin, and counts only when all of it has arrived.
 */
import { randomBytes } from 'node:crypto'
import { FwctlError } from '../base/error.ts'
import { describeResult, type Executor } from './executor.ts'
import type { FileStatus, HostFiles, OpenedFile, Staged } from './host-files.ts'
import { decodeText, encodeText } from './lossless-text.ts'

const TIMEOUT_MS = 60_000

/** Mode in hex, owner, time of the last change; or why that can not be told. */
const INSPECT = `
for path; do stat -c '%f %u %Y' -- "$path" 2>&1; done
exit 0`

/** What is opened is what is described: a link in its place would have another inode. */
const READ = `
for path; do
  found=$(stat -c '%f %u %Y %d:%i' -- "$path" 2>&1) || { echo "- $found"; continue; }
  case $found in 8*) ;; *) echo "\${found% *} 0"; continue ;; esac
  {
    opened=$(stat -L -c '%f %u %Y %d:%i %s' /proc/self/fd/3)
    if [ "\${opened% *}" = "$found" ]; then
      echo "\${found% *} \${opened##* }"
      head -c "\${opened##* }" <&3
    else echo "- $path was changed while it was opened"; fi
  } 3< "$path" || echo "- $path: Permission denied"
done 2>/dev/null
exit 0`

const WRITE = `
umask 077
set -C
if cat > "$2" && [ "$(wc -c < "$2")" -eq "$3" ] && sync "$2" && mv -fT -- "$2" "$1"; then
  sync "\${1%/*}"
else rm -f -- "$2"; exit 1; fi`

const WRITE_DIRECTORY = `
umask 077
path=$1 partial=$2 size=$3
shift 3
mkdir -- "$partial" && cat > "$partial/.all" || exit 1
[ "$(wc -c < "$partial/.all")" -eq "$size" ] || { echo 'it arrived cut short' >&2; exit 1; }
at=1
while [ $# -gt 0 ]; do
  tail -c "+$at" "$partial/.all" | head -c "$2" > "$partial/$1" && sync "$partial/$1" || exit 1
  at=$((at + $2))
  shift 2
done
rm -- "$partial/.all" && sync "$partial" && mv -T -- "$partial" "$path" && sync "\${path%/*}"`

const MAKE_DIRECTORY = 'umask 077; mkdir -p -- "$1"'
const MAKE_FILE = 'umask 077; set -C; [ ! -L "$1" ] && { true > "$1" || [ -f "$1" ]; } 2>/dev/null'
const LIST = '[ ! -e "$1" ] || ls -A -- "$1"'
const REMOVE = `
[ -e "$1" ] || [ -L "$1" ] || { echo none; exit 0; }
rm -f -- "$1" && sync "\${1%/*}"`

const REMOVE_ALL = `
for path; do
  case $path in
  *.tmp) partial=$path ;;
  *) partial=\${path%/*}/.\${path##*/}.tmp; mv -T -- "$path" "$partial" || exit 1 ;;
  esac
  rm -rf -- "$partial" || exit 1
done`

export function shellFiles(executor: Pick<Executor, 'run' | 'label'>): HostFiles {
  const sh = async (script: string, words: readonly string[], input?: string): Promise<string> => {
    const result = await executor.run({
      program: '/bin/sh',
      args: ['-c', script, 'fwctl', ...words],
      timeoutMs: TIMEOUT_MS,
      ...(input === undefined ? {} : { input }),
    })
    if (result.status === 0) return result.stdout
    throw failure(`${words[0]} on ${executor.label}: ${describeResult(result)}`)
  }
  const files: HostFiles = {
    inspect: async (paths) => {
      if (paths.length === 0) return []
      const lines = (await sh(INSPECT, paths)).split('\n')
      return paths.map((path, index) => readStatus(lines[index] ?? '', path))
    },
    realPath: async (path) =>
      (await sh('readlink -f -- "$1" || printf "%s\\n" "$1"', [path])).replace(/\n$/, ''),
    read: async (paths) => readFrames(encodeText(await sh(READ, paths)), paths),
    write: async (path, text) => {
      const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
      await sh(WRITE, [path, temporary, `${encodeText(text).length}`], text)
    },
    // A round trip less than in two steps, and what is not wanted is not sent.
    stage: async (path, text) => unwritten(() => files.write(path, text)),
    stageDirectory: async (path, texts) => unwritten(() => files.writeDirectory(path, texts)),
    writeDirectory: async (path, texts) => {
      const sizes = Object.entries(texts).flatMap(([name, text]) => [
        name,
        `${encodeText(text).length}`,
      ])
      const all = Object.values(texts).join('')
      const partial = path.replace(/([^/]*)$/, '.$1.tmp')
      await sh(WRITE_DIRECTORY, [path, partial, `${encodeText(all).length}`, ...sizes], all)
    },
    makeDirectory: async (path) => {
      await sh(MAKE_DIRECTORY, [path])
    },
    makeFile: async (path) => {
      await sh(MAKE_FILE, [path])
    },
    makePrivate: async (path) => {
      await sh('chmod 700 -- "$1"', [path])
    },
    list: async (path) => (await sh(LIST, [path])).split('\n').filter((name) => name !== ''),
    remove: async (path) => (await sh(REMOVE, [path])) === '',
    removeAll: async (paths) => {
      await sh(REMOVE_ALL, paths)
    },
  }
  return files
}

function unwritten(publish: () => Promise<void>): Staged {
  return { publish, discard: async () => undefined }
}

const KINDS: Readonly<Record<number, FileStatus['kind']>> = {
  4: 'directory',
  8: 'file',
  10: 'link',
}

/** Undefined: there is nothing. Throws for what can not be told. */
function readStatus(line: string, path: string): FileStatus | undefined {
  const [, hex, uid, seconds] = /^([0-9a-f]+) (\d+) (\d+)/.exec(line) ?? []
  if (hex !== undefined) {
    const mode = Number.parseInt(hex, 16)
    const kind = KINDS[mode >> 12] ?? 'other'
    return { kind, uid: Number(uid), mode: mode & 0o7777, modifiedMs: Number(seconds) * 1000 }
  }
  if (line.includes('No such file')) return undefined
  throw failure(line === '' ? `${path}: nothing is known about it` : line.replace(/^- /, ''))
}

/** A line for each file, `MODE OWNER TIME SIZE`, and that many bytes. */
function readFrames(bytes: Buffer, paths: readonly string[]): readonly (OpenedFile | undefined)[] {
  let at = 0
  return paths.map((path) => {
    const end = bytes.indexOf('\n', at)
    const line = end < 0 ? '' : bytes.toString('latin1', at, end)
    at = end + 1
    const status = readStatus(line, path)
    if (status === undefined) return undefined
    const size = Number(line.split(' ')[3])
    if (at + size > bytes.length) throw failure(`${path} could not be read to its end`)
    const text = decodeText(bytes.subarray(at, at + size))
    at += size
    return { status, text }
  })
}

function failure(message: string): FwctlError {
  const isForbidden = /permission denied|operation not permitted/i.test(message)
  return new FwctlError(isForbidden ? 'no-permission' : 'command-failed', `${message}.`)
}
