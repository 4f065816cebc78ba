import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeAtomically } from '../../src/host/atomic-file.ts'
import { defaultStateDir, openStateDir, stateDirPaths } from '../../src/host/state-dir.ts'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fwctl-test-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

test('it is made for its owner alone, with a folder of its own for each target', async () => {
  const here = await openStateDir(join(root, 'state'), {})
  const there = await openStateDir(join(root, 'state'), { stateKey: 'netns-web' })
  expect(there.path).toBe(join(root, 'state/targets/netns-web'))
  for (const path of [here.path, here.snapshots, there.path, here.lock]) {
    expect((await stat(path)).mode & 0o077).toBe(0)
  }
  // Again: what is there is taken as it is.
  expect(await openStateDir(join(root, 'state'), {})).toEqual(here)
})

test.each([0o770, 0o707, 0o777])('one that others can write (%i) is refused', async (mode) => {
  const path = join(root, 'state')
  await openStateDir(path, {})
  await chmod(path, mode)
  await expect(openStateDir(path, {})).rejects.toMatchObject({ code: 'refused' })
})

test('one below a folder that others can rename is refused', async () => {
  const parent = join(root, 'shared')
  await mkdir(parent)
  await chmod(parent, 0o777)
  await expect(openStateDir(join(parent, 'state'), {})).rejects.toMatchObject({ code: 'refused' })
})

test('a link in place of the directory, or of the lock, is refused', async () => {
  await mkdir(join(root, 'elsewhere'), { mode: 0o700 })
  await symlink(join(root, 'elsewhere'), join(root, 'state'))
  await expect(openStateDir(join(root, 'state'), {})).rejects.toMatchObject({ code: 'refused' })

  const paths = stateDirPaths(join(root, 'other'), {})
  await mkdir(paths.path, { mode: 0o700 })
  await symlink(join(root, 'elsewhere/file'), paths.lock)
  await expect(openStateDir(join(root, 'other'), {})).rejects.toThrow()
})

test('root keeps state with the system, a user at home', () => {
  const env = { HOME: '/home/alice' }
  expect(defaultStateDir({ uid: 0, env })).toBe('/var/lib/fwctl')
  expect(defaultStateDir({ uid: 1000, env })).toBe('/home/alice/.local/state/fwctl')
  expect(defaultStateDir({ uid: 1000, env: { ...env, XDG_STATE_HOME: '/state' } })).toBe(
    '/state/fwctl',
  )
})

test('a file is replaced as a whole, is private, and leaves nothing beside it', async () => {
  const path = join(root, 'file')
  await writeAtomically(path, 'old')
  await writeAtomically(path, 'new ☂ \udcff')
  expect(await readFile(path)).toEqual(Buffer.from([...Buffer.from('new ☂ '), 0xff]))
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readdir(root)).toEqual(['file'])
})

test('a file that can not be written says so', async () => {
  await expect(writeAtomically(join(root, 'missing/file'), 'x')).rejects.toMatchObject({
    code: 'command-failed',
  })
})

test('a directory that a link leads to is looked at too', async () => {
  await mkdir(join(root, 'shared'), { mode: 0o700 })
  await chmod(join(root, 'shared'), 0o777)
  await symlink(join(root, 'shared'), join(root, 'link'))
  await expect(openStateDir(join(root, 'link/state'), {})).rejects.toMatchObject({
    code: 'refused',
  })
  expect(await readdir(join(root, 'shared'))).toEqual([])
})

test('a directory that others could only read is hidden from them', async () => {
  await mkdir(join(root, 'state'))
  await chmod(join(root, 'state'), 0o755)
  await openStateDir(join(root, 'state'), {})
  expect((await stat(join(root, 'state'))).mode & 0o777).toBe(0o700)
})
