import { chmodSync, chownSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readCache, writeCache } from '../../src/cli/code-cache.ts'
import { temporaryFolder } from './run-cli.ts'

const DATA = Buffer.from('what V8 compiled')
const IS_ROOT = process.geteuid?.() === 0

describe('a code cache is code, so', () => {
  test('what was written is read back, and nobody else may read or write it', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'x.cache')
    writeCache(path, DATA)
    expect(readCache(path)).toEqual(DATA)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('one that others could have written is not believed', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'x.cache')
    writeCache(path, DATA)
    chmodSync(path, 0o620)
    expect(readCache(path)).toBeUndefined()
  })

  test.runIf(IS_ROOT)('one that belongs to somebody else is not believed', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'x.cache')
    writeCache(path, DATA)
    chownSync(path, 65534, 65534)
    expect(readCache(path)).toBeUndefined()
  })

  test('one behind a symbolic link is not believed', () => {
    using folder = temporaryFolder()
    writeCache(join(folder.path, 'x.cache'), DATA)
    symlinkSync('x.cache', join(folder.path, 'y.cache'))
    expect(readCache(join(folder.path, 'y.cache'))).toBeUndefined()
  })

  test('in a directory that others can write to none is made, and none is believed', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'x.cache')
    writeCache(path, DATA)
    chmodSync(folder.path, 0o777)
    expect(readCache(path)).toBeUndefined()
    writeCache(join(folder.path, 'y.cache'), DATA)
    expect(() => statSync(join(folder.path, 'y.cache'))).toThrow('ENOENT')
  })

  test.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['cut in half', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['empty', () => Buffer.alloc(0)],
    ['with a byte changed', (bytes: Buffer) => bytes.fill(0x20, 3, 4)],
    ['with zeros at its end', (bytes: Buffer) => bytes.fill(0, bytes.length / 2)],
  ])('one that is %s is not believed: V8 would crash on it', (_, damage) => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'x.cache')
    writeCache(path, DATA)
    writeFileSync(path, damage(readFileSync(path)))
    expect(readCache(path)).toBeUndefined()
  })
})
