import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import * as compile from '../../src/policy/compile.ts'
import { arbitraryPolicy } from '../policy/arbitrary-policy.ts'
import { runCli, temporaryFolder } from './run-cli.ts'

vi.mock('../../src/policy/compile.ts', { spy: true })
afterEach(() => vi.clearAllMocks())

const NOW = new Date('2026-11-22T12:00:00Z')
const POLICY = `apiVersion: fwctl/v1
include: [more/*.yaml]
tables:
  filter:
    chains:
      INPUT:
        policy: DROP
        rules:
          - { name: ssh, protocol: tcp, dport: "\${port}", jump: ACCEPT }
          - { source: 2001:db8::1, jump: ACCEPT }
variables: { port: 22 }
`
const LIVE = `*filter
:INPUT ACCEPT [5:300]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
[3:180] -A INPUT -p tcp -m tcp --dport 23 -j ACCEPT
COMMIT
`

/** A folder with a policy and a cache, and the means to run fwctl in it. */
function setUp() {
  const folder = temporaryFolder()
  const path = (name: string): string => join(folder.path, name)
  mkdirSync(path('more'))
  writeFileSync(path('fwctl.yaml'), POLICY)
  writeFileSync(path('live.rules'), LIVE)
  const entries = path('cache/fwctl/policies')
  return {
    path,
    entries,
    /** The files of the cache. */
    kept: () =>
      existsSync(entries) ? readdirSync(entries).map((name) => join(entries, name)) : [],
    run: (argv: readonly string[], options: Parameters<typeof runCli>[1] = {}) =>
      runCli(argv, {
        cwd: folder.path,
        env: { XDG_CACHE_HOME: path('cache') },
        build: 'a',
        now: () => NOW,
        ...options,
      }),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  }
}

function compilations(): number {
  return vi.mocked(compile.compilePolicy).mock.calls.length
}

describe('a run with the cache says what a run without it says', () => {
  const examples = join(import.meta.dirname, '../../examples')
  const names = readdirSync(examples, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [join(examples, entry.name, 'policy.yaml')] : [],
  )

  async function compare(policy: string, bench: ReturnType<typeof setUp>): Promise<void> {
    const live = ['--live4', 'live.rules', '--live6', 'live.rules']
    for (const argv of [
      ['validate', policy],
      ['validate', policy, '--format', 'json'],
      ['validate', policy, '--family', 'ipv6'],
      ['render', policy],
      ['render', policy, '--backend', 'legacy'],
      ['render', policy, '--sets'],
      ['plan', policy, ...live],
      ['plan', policy, ...live, '--format', 'json'],
      ['plan', policy, ...live, '--format', 'diff'],
      ['plan', policy, ...live, '--out', '-'],
    ]) {
      const without = await bench.run([...argv, '--no-cache'])
      const first = await bench.run(argv)
      const second = await bench.run(argv)
      expect(first, argv.join(' ')).toEqual(without)
      expect(second, argv.join(' ')).toEqual(without)
    }
  }

  test.each(names)('of %s', async (policy) => {
    using bench = setUp()
    await compare(policy, bench)
    expect(bench.kept().length).toBeGreaterThan(0)
  })

  test('of any policy', async () => {
    let kept = 0
    await fc.assert(
      fc.asyncProperty(arbitraryPolicy(), async (text) => {
        using bench = setUp()
        writeFileSync(bench.path('any.yaml'), text)
        await compare('any.yaml', bench)
        kept += bench.kept().length
      }),
      { numRuns: 15 },
    )
    expect(kept).toBeGreaterThan(0)
  })
})

test('a policy that has not changed is compiled once', async () => {
  using bench = setUp()
  const first = await bench.run(['validate'])
  expect(compilations()).toBe(1)
  expect(await bench.run(['validate'])).toEqual(first)
  expect(await bench.run(['render'])).toMatchObject({ code: 0 })
  expect(compilations()).toBe(1)
  await bench.run(['plan', '--live4', 'live.rules'])
  expect(compilations()).toBe(1)
})

describe('it is compiled anew', () => {
  async function expectAnew(
    bench: ReturnType<typeof setUp>,
    argv: readonly string[],
  ): Promise<void> {
    await bench.run(['validate'])
    vi.clearAllMocks()
    await bench.run(argv)
    expect(compilations()).toBe(1)
  }

  test('with --no-cache', async () => {
    using bench = setUp()
    await expectAnew(bench, ['validate', '--no-cache'])
  })

  test('when its text changes, and not when it changes back', async () => {
    using bench = setUp()
    await bench.run(['validate'])
    writeFileSync(bench.path('fwctl.yaml'), POLICY.replace('22', '23'))
    expect((await bench.run(['render'])).stdout).toContain('--dport 23')
    expect(compilations()).toBe(2)
    writeFileSync(bench.path('fwctl.yaml'), POLICY)
    expect((await bench.run(['render'])).stdout).toContain('--dport 22')
    expect(compilations()).toBe(2)
  })

  test('when a file comes that it includes by a wildcard, and when that file changes', async () => {
    using bench = setUp()
    await bench.run(['validate'])
    const more = (port: number): string =>
      `tables: { filter: { chains: { OUTPUT: { rules: ["-p udp --dport ${port}"] } } } }\n`
    writeFileSync(bench.path('more/dns.yaml'), more(53))
    expect((await bench.run(['render'])).stdout).toContain('--dport 53')
    writeFileSync(bench.path('more/dns.yaml'), more(54))
    expect((await bench.run(['render'])).stdout).toContain('--dport 54')
    expect(compilations()).toBe(3)
  })

  test('for another value, another back end and another build', async () => {
    using bench = setUp()
    await expectAnew(bench, ['validate', '--var', 'port=24'])
    await bench.run(['validate', '--backend', 'legacy'])
    expect(compilations()).toBe(2)
    await bench.run(['validate'], { build: 'b' })
    expect(compilations()).toBe(3)
  })

  test('when a rule expires meanwhile, or soon will', async () => {
    using bench = setUp()
    const expiring = POLICY.replace('name: ssh', 'name: ssh, expires: 2026-12-01T12:00:00Z')
    writeFileSync(bench.path('fwctl.yaml'), expiring)
    const at = async (time: string) =>
      bench.run(['render'], { now: () => new Date(time) }).then(({ stdout, stderr }) => ({
        said: stderr.includes('expire'),
        there: stdout.includes('--dport 22'),
      }))
    expect(await at('2026-11-22T12:00:00Z')).toEqual({ said: false, there: true })
    expect(await at('2026-11-23T12:00:00Z')).toEqual({ said: false, there: true })
    expect(compilations()).toBe(1)
    expect(await at('2026-11-24T12:00:00Z')).toEqual({ said: true, there: true })
    expect(compilations()).toBe(2)
    expect(await at('2026-12-01T11:59:59Z')).toEqual({ said: true, there: true })
    expect(await at('2026-12-01T12:00:00Z')).toEqual({ said: true, there: false })
    // A clock that is set back is believed.
    expect(await at('2026-11-22T12:00:00Z')).toEqual({ said: false, there: true })
  })

  test.each([
    ['a byte of its rules', (bytes: Buffer) => bytes.indexOf('ACCEPT')],
    ['its frame', () => 3],
    ['a byte of its origins', (bytes: Buffer) => bytes.lastIndexOf('"line"')],
  ])('when %s is damaged, and the entry is written anew', async (_what, place) => {
    using bench = setUp()
    const whole = await bench.run(['render'])
    const [entry = ''] = bench.kept()
    const bytes = readFileSync(entry)
    bytes[place(bytes)] = 0x21
    writeFileSync(entry, bytes)
    expect(await bench.run(['render'])).toEqual(whole)
    expect(compilations()).toBe(2)
    await bench.run(['render'])
    expect(compilations()).toBe(2)
  })

  test('when the entry was cut short or is empty', async () => {
    using bench = setUp()
    const whole = await bench.run(['render'])
    const [entry = ''] = bench.kept()
    for (const length of [0, 10, 300]) {
      writeFileSync(entry, readFileSync(entry).subarray(0, length))
      expect(await bench.run(['render'])).toEqual(whole)
    }
    expect(compilations()).toBe(4)
  })
})

describe('an entry that somebody else could have written is not believed', () => {
  test.each([
    [
      'a file that others may write',
      (bench: ReturnType<typeof setUp>) => chmodSync(bench.kept()[0] ?? '', 0o620),
    ],
    [
      'a file that others may read',
      (bench: ReturnType<typeof setUp>) => chmodSync(bench.kept()[0] ?? '', 0o604),
    ],
    [
      'a folder that others may write',
      (bench: ReturnType<typeof setUp>) => chmodSync(bench.entries, 0o770),
    ],
    [
      'a parent that others may write',
      (bench: ReturnType<typeof setUp>) => chmodSync(bench.path('cache'), 0o777),
    ],
  ])('%s', async (_what, open) => {
    using bench = setUp()
    const first = await bench.run(['validate'])
    open(bench)
    vi.clearAllMocks()
    expect(await bench.run(['validate'])).toEqual(first)
    expect(compilations()).toBe(1)
  })

  test('a symbolic link in its place', async () => {
    using bench = setUp()
    await bench.run(['validate'])
    const [entry = ''] = bench.kept()
    const moved = bench.path('moved')
    writeFileSync(moved, readFileSync(entry), { mode: 0o600 })
    const { unlinkSync } = await import('node:fs')
    unlinkSync(entry)
    symlinkSync(moved, entry)
    vi.clearAllMocks()
    await bench.run(['validate'])
    expect(compilations()).toBe(1)
  })
})

test('entries are private', async () => {
  using bench = setUp()
  await bench.run(['validate'])
  expect(bench.kept().map((entry) => statSync(entry).mode & 0o777)).toEqual([0o600])
  expect(statSync(bench.entries).mode & 0o777).toBe(0o700)
})

test('where nothing can be written, nothing is said', async () => {
  using bench = setUp()
  const without = await bench.run(['validate', '--no-cache'])
  const nowhere = await bench.run(['validate'], {
    env: { XDG_CACHE_HOME: bench.path('live.rules') },
  })
  expect(nowhere).toEqual(without)
  expect(await bench.run(['validate'], { env: { XDG_CACHE_HOME: 'relative' } })).toEqual(without)
  expect(existsSync(bench.path('relative'))).toBe(false)
})

test('the oldest entries go when there are too many', async () => {
  using bench = setUp()
  await bench.run(['validate'])
  const [first = ''] = bench.kept()
  for (let i = 0; i < 80; i++) {
    const other = join(bench.entries, `${i}.policy`)
    writeFileSync(other, 'x')
    utimesSync(other, i, i)
  }
  writeFileSync(bench.path('fwctl.yaml'), `${POLICY}# other\n`)
  await bench.run(['validate'])
  expect(bench.kept()).toHaveLength(64)
  expect(bench.kept()).toContain(first)
  expect(bench.kept()).not.toContain(join(bench.entries, '0.policy'))
})

test('a policy with errors is not kept', async () => {
  using bench = setUp()
  writeFileSync(bench.path('fwctl.yaml'), POLICY.replace('dport', 'dprt'))
  const first = await bench.run(['validate'])
  expect(first.code).toBe(1)
  expect(bench.kept()).toEqual([])
  expect(await bench.run(['validate'])).toEqual(first)
})
