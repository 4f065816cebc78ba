import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import * as parseRule from '../../src/iptables/parse-rule.ts'
import * as pieces from '../../src/iptables/saved-pieces.ts'
import * as tokenise from '../../src/iptables/tokenise.ts'
import * as document from '../../src/policy/document.ts'
import { runCli, temporaryFolder } from './run-cli.ts'

vi.mock('../../src/iptables/parse-rule.ts', { spy: true })
vi.mock('../../src/iptables/saved-pieces.ts', { spy: true })
vi.mock('../../src/iptables/tokenise.ts', { spy: true })
vi.mock('../../src/policy/document.ts', { spy: true })
afterEach(() => vi.clearAllMocks())

function calls() {
  const count = (spy: unknown): number => vi.mocked(spy as () => void).mock.calls.length
  return {
    documents: count(document.readDocument),
    rules: count(parseRule.parseRule),
    lines: count(tokenise.tokenise),
    pieces: count(pieces.readPieces) + count(pieces.keyOfPieces),
  }
}

/** A host of that many rules, some of them negated and commented, and its policy. */
function setUp(rules: number) {
  const folder = temporaryFolder()
  const lines = Array.from({ length: rules }, (_, i) =>
    i % 3 === 0
      ? `-A own ! -s 10.0.${i >> 8}.${i & 255}/32 -p tcp -m tcp --dport ${i + 1} -j ACCEPT`
      : `-A own -s 10.0.${i >> 8}.${i & 255}/32 -m comment --comment "rule ${i}" -j DROP`,
  )
  const dump = (jump: string): string =>
    `*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:own - [0:0]\n-A INPUT -j ${jump}\n${lines.join('\n')}\nCOMMIT\n`
  writeFileSync(join(folder.path, 'live.rules'), dump('own'))
  writeFileSync(join(folder.path, 'other.rules'), dump('own -i lo'))
  return {
    run: (argv: readonly string[]) =>
      runCli(argv, {
        cwd: folder.path,
        env: { XDG_CACHE_HOME: join(folder.path, 'cache') },
        build: 'a',
      }),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  }
}

test('a plan in sync, of a policy that is known, reads no rule', async () => {
  using bench = setUp(300)
  await bench.run(['import', '--live4', 'live.rules', '--out', 'fwctl.yaml'])
  const plan = ['plan', '--live4', 'live.rules', '--detailed-exitcode']
  expect((await bench.run(plan)).code).toBe(0)
  expect(calls().rules).toBeGreaterThan(0)
  vi.clearAllMocks()
  expect((await bench.run(plan)).code).toBe(0)
  expect(calls()).toEqual({ documents: 0, rules: 0, lines: 0, pieces: 0 })
})

test('of a policy that is new, a few rules are compiled in full, however many there are', async () => {
  const compiled: number[] = []
  for (const rules of [600, 1800]) {
    using bench = setUp(rules)
    await bench.run(['import', '--live4', 'live.rules', '--out', 'fwctl.yaml'])
    vi.clearAllMocks()
    const plan = await bench.run(['plan', '--live4', 'live.rules', '--detailed-exitcode'])
    expect(plan.code).toBe(0)
    compiled.push(calls().rules)
  }
  const [few = 0, many] = compiled
  expect(few).toBeLessThan(20)
  expect(many).toBe(few)
})

test('where one rule differs, a handful of rules is read, however many there are', async () => {
  const read: number[] = []
  for (const rules of [100, 200, 400]) {
    using bench = setUp(rules)
    await bench.run(['import', '--live4', 'live.rules', '--out', 'fwctl.yaml'])
    const plan = ['plan', '--live4', 'live.rules', '--detailed-exitcode']
    await bench.run(plan)
    vi.clearAllMocks()
    const changed = ['plan', '--live4', 'other.rules', '--detailed-exitcode']
    expect((await bench.run(changed)).code).toBe(2)
    const { documents, rules: parsed, lines, pieces: pieceReads } = calls()
    expect(documents).toBe(0)
    read.push(parsed + lines + pieceReads)
  }
  expect(Math.max(...read)).toBeLessThan(30)
  expect(new Set(read).size).toBe(1)
})

test('a policy that is new is read once, in proportion to its rules', async () => {
  const parsed: number[] = []
  for (const rules of [100, 200, 400]) {
    using bench = setUp(rules)
    await bench.run(['import', '--live4', 'live.rules', '--out', 'fwctl.yaml'])
    vi.clearAllMocks()
    expect((await bench.run(['plan', '--live4', 'live.rules'])).code).toBe(0)
    expect(calls().documents).toBe(1)
    parsed.push(calls().rules)
  }
  const [one = 0, two = 0, four = 0] = parsed
  expect(two).toBeLessThanOrEqual(2 * one)
  expect(four).toBeLessThanOrEqual(4 * one)
})
