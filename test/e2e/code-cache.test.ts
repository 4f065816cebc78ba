import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { temporaryFolder } from '../cli/run-cli.ts'

const DIST = join(import.meta.dirname, '../../dist')
const POLICY = join(import.meta.dirname, '../../examples/web-server/policy.yaml')

beforeAll(() => expect(existsSync(join(DIST, 'main.cjs')), 'run npm run build first').toBe(true))

/** The bin in a folder of its own. */
function install(folder: string): void {
  for (const file of readdirSync(DIST)) {
    if (file.endsWith('.cjs')) copyFileSync(join(DIST, file), join(folder, file))
  }
}

function validate(folder: string): string {
  const argv = [join(folder, 'main.cjs'), 'validate', '--no-cache', POLICY]
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  return stdout
}

function caches(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.cache'))
    .sort()
    .map((file) => join(folder, file))
}

test('the first runs make a private cache, later ones use it, and a damaged one is made anew', () => {
  using folder = temporaryFolder()
  install(folder.path)
  const first = validate(folder.path)
  const made = caches(folder.path)
  expect(made.map((path) => basename(path).replace(/\.cjs.*/, ''))).toEqual(['cli', 'rules'])
  const inodes = (): number[] => made.map((path) => statSync(path).ino)
  for (const cache of made) expect(statSync(cache).mode & 0o777).toBe(0o600)

  // The first three add what they have seen.
  const inode = inodes()
  expect(validate(folder.path)).toBe(first)
  expect(inodes()).not.toEqual(inode)
  expect(validate(folder.path)).toBe(first)
  const before = inodes()
  expect(validate(folder.path)).toBe(first)
  expect(inodes()).toEqual(before)

  for (const cache of made) {
    const bytes = readFileSync(cache)
    writeFileSync(cache, bytes.fill(0xff, bytes.length >> 2, (bytes.length >> 2) + 64))
  }
  expect(validate(folder.path)).toBe(first)
  for (const [index, one] of inodes().entries()) expect(one).not.toBe(before[index])
  expect(validate(folder.path)).toBe(first)
})

test('a run that fails makes no cache: it has not seen what the others need', () => {
  using folder = temporaryFolder()
  install(folder.path)
  const argv = [join(folder.path, 'main.cjs'), 'validate', join(folder.path, 'none.yaml')]
  expect(spawnSync(process.execPath, argv).status).toBe(1)
  expect(caches(folder.path)).toEqual([])
})

test('where others could write it runs without', () => {
  using folder = temporaryFolder()
  install(folder.path)
  chmodSync(folder.path, 0o777)
  expect(validate(folder.path)).toContain('is valid')
  expect(caches(folder.path)).toEqual([])
})
