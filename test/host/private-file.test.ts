import { execFileSync } from 'node:child_process'
import { chmod, link, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { localMachine } from '../../src/host/local-machine.ts'
import { readPrivate, readSealed, writeSealed } from '../../src/host/private-file.ts'

const HERE = localMachine()
let root: string
let path: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fwctl-test-'))
  path = join(root, 'record.json')
})

afterEach(async () => {
  await rm(root, { recursive: true, force: true })
})

test('what was sealed is read back, and nothing is no error', async () => {
  expect(await readSealed(HERE, path)).toBeUndefined()
  await writeSealed(HERE, path, { token: 'ab', at: [1, 2], text: '☂ \udcff' })
  expect(await readSealed(HERE, path)).toEqual({ token: 'ab', at: [1, 2], text: '☂ \udcff' })
})

test('a sealed file with one letter changed, cut short or without its seal is refused', async () => {
  await writeSealed(HERE, path, { state: 'pending', token: 'abcd' })
  const text = await readFile(path, 'utf8')
  const { digest: _, ...unsealed } = JSON.parse(text)
  for (const other of [
    text.replace('pending', 'Pending'),
    text.replace('abcd', 'abce'),
    text.slice(0, -3),
    '',
    'null',
    JSON.stringify(unsealed),
  ]) {
    await writeFile(path, other)
    await expect(readSealed(HERE, path), other).rejects.toMatchObject({ code: 'untrusted-file' })
  }
})

test('a symbolic link is not followed, wherever it leads', async () => {
  await writeSealed(HERE, join(root, 'other'), { good: true })
  await symlink(join(root, 'other'), path)
  await expect(readPrivate(HERE, path)).rejects.toMatchObject({ code: 'untrusted-file' })
  await expect(readPrivate(HERE, path)).rejects.toThrow('is a symbolic link')
})

test('a FIFO is refused, and nobody waits for its other end', async () => {
  execFileSync('mkfifo', [path])
  await expect(readPrivate(HERE, path)).rejects.toThrow('is not a regular file')
})

test('a file that others may write is refused, under any of its names', async () => {
  await writeFile(path, '{}')
  await link(path, join(root, 'second'))
  await chmod(path, 0o620)
  await expect(readPrivate(HERE, join(root, 'second'))).rejects.toThrow(
    'can be written by other users',
  )
})

test.runIf(process.geteuid?.() === 0)("somebody else's file is refused", async () => {
  await writeFile(path, '{}', { mode: 0o600 })
  execFileSync('chown', ['65534', path])
  await expect(readPrivate(HERE, path)).rejects.toThrow('belongs to user 65534')
})

test('writing replaces a symbolic link and leaves alone what it leads to', async () => {
  const other = join(root, 'other')
  await writeFile(other, 'precious')
  await symlink(other, path)
  await writeSealed(HERE, path, { state: 'pending' })
  expect(await readFile(other, 'utf8')).toBe('precious')
  expect(await readSealed(HERE, path)).toEqual({ state: 'pending' })
})
