import { chmodSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withKnownVersions } from '../../src/cli/known-versions.ts'
import type { Executor } from '../../src/host/executor.ts'
import { localExecutor } from '../../src/host/local-executor.ts'
import { temporaryFolder } from './run-cli.ts'

/** A host whose iptables-save is a link to that file. */
function hostWith(binary: string) {
  const folder = temporaryFolder()
  const file = join(folder.path, binary)
  writeFileSync(file, 'one')
  const program = join(folder.path, 'iptables-save')
  symlinkSync(binary, program)
  const cache = join(folder.path, 'cache')
  const context = {
    env: { XDG_CACHE_HOME: cache },
    uid: process.geteuid?.() ?? -1,
    build: 'a',
    options: {} as Parameters<typeof withKnownVersions>[1]['options'],
  }
  const asked: string[] = []
  const executor: Executor = {
    ...localExecutor(),
    run: async () => {
      asked.push(program)
      return { status: 0, stdout: `${readFileSync(file, 'utf8')}\n`, stderr: '' }
    },
  }
  const ask = async (args = ['--version'], given: object = {}) => {
    const known = withKnownVersions(executor, { ...context, ...given })
    return (await known.run({ program, args, timeoutMs: 1000 })).stdout
  }
  return { ...folder, cache, file, ask, asked, [Symbol.dispose]: () => folder[Symbol.dispose]() }
}

test('a program is asked for its version once, as long as it is the same file', async () => {
  using host = hostWith('xtables-nft-multi')
  expect([await host.ask(), await host.ask()]).toEqual(['one\n', 'one\n'])
  expect(host.asked).toHaveLength(1)
  writeFileSync(host.file, 'two')
  expect([await host.ask(), await host.ask()]).toEqual(['two\n', 'two\n'])
  utimesSync(host.file, 0, 0)
  await host.ask()
  expect(host.asked).toHaveLength(3)
})

test('anything else that it is asked is asked', async () => {
  using host = hostWith('xtables-nft-multi')
  for (const args of [['-c'], ['--version', '-c'], []]) await host.ask(args)
  expect(host.asked).toHaveLength(3)
})

test('a script, which may say something else each time, is asked each time', async () => {
  using host = hostWith('choose-iptables')
  await host.ask()
  await host.ask()
  expect(host.asked).toHaveLength(2)
})

test.each([
  ['without a build', { build: undefined }],
  ['with --no-cache', { options: { cache: false } }],
])('%s nothing is kept', async (_, given) => {
  using host = hostWith('xtables-nft-multi')
  await host.ask(['--version'], given)
  await host.ask(['--version'], given)
  expect(host.asked).toHaveLength(2)
})

test('what others could have written, or what is damaged, is not believed', async () => {
  using host = hostWith('xtables-nft-multi')
  await host.ask()
  const kept = join(host.cache, 'fwctl/versions.json')
  chmodSync(kept, 0o666)
  await host.ask()
  expect(host.asked).toHaveLength(2)
  for (const text of ['{', '[1]', '{"a":1}', 'null', '']) {
    writeFileSync(kept, text)
    chmodSync(kept, 0o600)
    expect(await host.ask()).toBe('one\n')
  }
})
