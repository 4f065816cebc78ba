import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { HostFiles } from '../../src/host/host-files.ts'
import { LOCAL_FILES } from '../../src/host/local-files.ts'
import { localMachine } from '../../src/host/local-machine.ts'
import { shellFiles } from '../../src/host/shell-files.ts'

/** What a text may hold: several scripts, a byte that is no UTF-8, quotes, line ends and none. */
const AWKWARD = '☂ \udcff \'single\' "double" $(false) `false` \\ %s\n\n-e !x\n'
const IMPLEMENTATIONS: readonly (readonly [string, HostFiles])[] = [
  ['Node', LOCAL_FILES],
  ['a shell', shellFiles(localMachine())],
]

let root = ''
let path = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fwctl-test-'))
  path = join(root, "it's a -file")
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe.each(IMPLEMENTATIONS)('files through %s', (_, files) => {
  test.each(['', 'a line\n', AWKWARD, 'x'.repeat(300_000)])(
    'come back as written',
    async (text) => {
      await files.write(path, text)
      await files.write(join(root, 'other'), 'other')
      const read = await files.read([path, join(root, 'missing'), join(root, 'other')])
      expect(read.map((one) => one?.text)).toEqual([text, undefined, 'other'])
      expect(read[0]?.status).toMatchObject({ kind: 'file', uid: process.geteuid?.() })
      expect(lstatSync(path).mode & 0o777).toBe(0o600)
      await files.write(path, 'new')
      expect((await files.read([path]))[0]?.text).toBe('new')
      expect(readdirSync(root)).toHaveLength(2)
    },
  )

  test('have their names when they are published, and leave nothing when they are discarded', async () => {
    await files.write(path, 'old')
    const folder = join(root, 'folder')
    const staged = [await files.stage(path, 'new'), await files.stageDirectory(folder, { a: 'A' })]
    expect(readFileSync(path, 'utf8')).toBe('old')
    expect((await files.inspect([folder]))[0]).toBeUndefined()
    for (const one of staged) await one.publish()
    for (const one of staged) await one.discard()
    expect(readFileSync(path, 'utf8')).toBe('new')
    expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('A')
    const unwanted = [
      await files.stage(path, 'newer'),
      await files.stageDirectory(join(root, 'other'), { a: 'A' }),
    ]
    for (const one of unwanted) await one.discard()
    expect(readFileSync(path, 'utf8')).toBe('new')
    expect(readdirSync(root).sort()).toEqual(['folder', "it's a -file"])
  })

  test('that are links, folders or FIFOs are told and not read', async () => {
    writeFileSync(join(root, 'target'), 'secret')
    symlinkSync(join(root, 'target'), path)
    execFileSync('mkfifo', [join(root, 'fifo')])
    const read = await files.read([path, root, join(root, 'fifo')])
    expect(read.map((one) => [one?.status.kind, one?.text])).toEqual([
      ['link', ''],
      ['directory', ''],
      ['other', ''],
    ])
  })

  test('are described as they are, links not followed', async () => {
    mkdirSync(join(root, 'sticky'))
    chmodSync(join(root, 'sticky'), 0o1777)
    symlinkSync('nowhere', path)
    utimesSync(root, 1000, 1234)
    const found = await files.inspect([join(root, 'sticky'), path, join(root, 'missing'), root])
    expect(found.map((one) => one?.kind)).toEqual(['directory', 'link', undefined, 'directory'])
    expect(found[0]?.mode).toBe(0o1777)
    expect(found[3]?.modifiedMs).toBe(1_234_000)
    expect(await files.inspect([])).toEqual([])
  })

  test('can not be written through a link, nor where there is no folder', async () => {
    const target = join(root, 'target')
    writeFileSync(target, 'precious')
    symlinkSync(target, path)
    await files.write(path, 'new')
    expect(readFileSync(target, 'utf8')).toBe('precious')
    expect(lstatSync(path).isFile()).toBe(true)
    await expect(files.write(join(root, 'no', 'file'), 'x')).rejects.toMatchObject({
      code: 'command-failed',
    })
    symlinkSync(join(root, 'planted'), join(root, 'lock'))
    await expect(files.makeFile(join(root, 'lock'))).rejects.toThrow()
    expect(readdirSync(root)).not.toContain('planted')
  })

  test('come as a whole folder, or not at all', async () => {
    const folder = join(root, 'new folder')
    const contents = { 'a.rules': AWKWARD, empty: '', 'b.rules': 'b\n'.repeat(9000) }
    await files.writeDirectory(folder, contents)
    for (const [name, text] of Object.entries(contents)) {
      expect((await files.read([join(folder, name)]))[0]?.text, name).toBe(text)
      expect(lstatSync(join(folder, name)).mode & 0o777).toBe(0o600)
    }
    expect(lstatSync(folder).mode & 0o777).toBe(0o700)
    expect([...(await files.list(folder))].sort()).toEqual(Object.keys(contents).sort())
    expect(await files.list(root)).toEqual(['new folder'])
    await expect(files.writeDirectory(join(root, 'no/folder'), contents)).rejects.toThrow()
  })

  test('are made private, listed and removed', async () => {
    const deep = join(root, 'a/b')
    await files.makeDirectory(deep)
    await files.makeDirectory(deep)
    expect(lstatSync(join(root, 'a')).mode & 0o777).toBe(0o700)
    chmodSync(deep, 0o755)
    await files.makePrivate(deep)
    expect(lstatSync(deep).mode & 0o777).toBe(0o700)
    await files.makeFile(path)
    await files.write(path, 'kept')
    await files.makeFile(path)
    expect(readFileSync(path, 'utf8')).toBe('kept')
    expect(await files.list(join(root, 'missing'))).toEqual([])
    expect(await files.remove(path)).toBe(true)
    expect(await files.remove(path)).toBe(false)
    writeFileSync(join(root, 'left.tmp'), '')
    await files.removeAll([join(root, 'a'), join(root, 'left.tmp')])
    expect(readdirSync(root)).toEqual([])
  })

  test('lead where their links lead', async () => {
    mkdirSync(join(root, 'real'))
    symlinkSync('real', path)
    expect(await files.realPath(path)).toBe(await files.realPath(join(root, 'real')))
    expect(await files.realPath(join(root, 'no/where'))).toBe(join(root, 'no/where'))
  })
})

test('what arrives cut short is not written', async () => {
  const machine = localMachine()
  const cut = shellFiles({
    ...machine,
    run: (command) => machine.run({ ...command, input: command.input?.slice(0, -3) ?? '' }),
  })
  writeFileSync(path, 'old')
  await expect(cut.write(path, 'the new text')).rejects.toMatchObject({ code: 'command-failed' })
  await expect(cut.writeDirectory(join(root, 'folder'), { file: 'text' })).rejects.toThrow()
  expect(readFileSync(path, 'utf8')).toBe('old')
  expect(readdirSync(root).filter((name) => !name.startsWith('.'))).toEqual(["it's a -file"])
})
