import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { parseSave } from '../../src/iptables/save.ts'
import { buildBatch, carriesCounters } from '../../src/plan/batch.ts'
import { diffRulesets } from '../../src/plan/diff.ts'
import { EDIT_COSTS, type EditCosts } from '../../src/plan/edit-cost.ts'
import { guardBatch, wrongHits } from '../../src/plan/guards.ts'
import type { Backend, Chain, Dialect, Family, Ruleset } from '../../src/ruleset/model.ts'
import { KERNELS, type Scratch, scratchNamespace } from './namespace.ts'
import { workbench } from './workbench.ts'

/** Chains of ours alone are written anew, whatever changes in them. */
const ANEW: EditCosts = { read: () => 1000, edit: () => 0, write: 0 }

/** 4 kernels with 50 pairs each: 200 ways there and back. */
const PAIRS = 50

const lockFolder = mkdtempSync(join(tmpdir(), 'fwctl-batch-'))
const lockFile = join(lockFolder, 'xtables.lock')
afterAll(() => rmSync(lockFolder, { recursive: true }))

describe.each(KERNELS)('on %s, %s', (backend, family) => {
  const dialect: Dialect = { family, backend, version: [1, 8, 9] }

  test('the batch of any two rulesets takes the kernel from one to the other and back', async () => {
    await using scratch = await scratchNamespace()
    const pairs = fc.sample(fc.tuple(arbitraryDump(family), arbitraryDump(family)), {
      seed: 20_261_122,
      numRuns: PAIRS,
    })
    for (const [index, [first, second]] of pairs.entries()) {
      const costs = index % 2 === 0 ? EDIT_COSTS[backend] : ANEW
      await restore(scratch, dialect, [], first)
      const before = await read(scratch, dialect)
      const goal = parse(second, dialect)
      const there = await applyBatch(scratch, dialect, before, goal, costs)
      expect(diffRulesets(there, goal), 'there').toEqual([])
      const back = await applyBatch(scratch, dialect, there, before, costs)
      expect(diffRulesets(back, before), 'and back').toEqual([])

      if (carriesCounters(dialect)) {
        expect(countersOfCommonRules(there, before)).toEqual(countersOfCommonRules(before, there))
        expect(policyCounters(back)).toEqual(policyCounters(before))
      }
    }
  })

  test('a rule that stays goes on counting while all around it changes', async () => {
    await using scratch = await scratchNamespace()
    await scratch.run('ip', ['link', 'set', 'lo', 'up'])
    await restore(
      scratch,
      dialect,
      [],
      table(
        ':OUTPUT ACCEPT [0:0]',
        '-A OUTPUT -p udp -m udp --dport 9',
        '-A OUTPUT -p udp -m udp --dport 10',
      ),
    )
    await send(scratch, family, 9)
    const before = await read(scratch, dialect)
    const sent = chainOf(before, 'OUTPUT')?.rules[0]?.counters
    expect(sent?.packets).toBe(1n)

    const goal = parse(
      table(
        ':OUTPUT ACCEPT [0:0]',
        ':NEW - [0:0]',
        '-A OUTPUT -p tcp -j NEW',
        '-A OUTPUT -p udp -m udp --dport 9',
        '-A OUTPUT -p udp -m udp --dport 11',
        '-A OUTPUT -p udp -m udp --dport 10 -j NEW',
      ),
      dialect,
    )
    const after = await applyBatch(scratch, dialect, before, goal)
    expect(chainOf(after, 'OUTPUT')?.rules[1]?.counters).toEqual(sent)
    const policy = chainOf(before, 'OUTPUT')?.counters
    expect(chainOf(after, 'OUTPUT')?.counters).toEqual(policy)
  })

  test('ten edits among 10,000 rules are ten lines, and the rest keeps its counters', async () => {
    await using scratch = await scratchNamespace()
    const lines = Array.from(
      { length: 10_000 },
      (_, index) => `-s ${address(family, index)} -j ACCEPT`,
    )
    const edited = lines.map((line, index) =>
      index % 1000 === 7 ? line.replace('ACCEPT', 'DROP') : line,
    )
    const dump = (rules: readonly string[]): string =>
      table(
        ':INPUT ACCEPT [0:0]',
        ...rules.map((rule, index) => `[${index}:${index}] -A INPUT ${rule}`),
      )
    await restore(scratch, dialect, [], dump(lines))
    const before = await read(scratch, dialect)
    const goal = parse(dump(edited), dialect)
    const { lines: batchLines } = buildBatch({ live: before, target: goal, dialect })
    expect(batchLines.filter((line) => line.rule !== undefined)).toHaveLength(10)
    const after = await applyBatch(scratch, dialect, before, goal)
    expect(diffRulesets(after, goal)).toEqual([])
    expect(countersOfCommonRules(after, before)).toEqual(countersOfCommonRules(before, after))
  })

  test('from a kernel without tables to one with all five, and back', async () => {
    await using scratch = await scratchNamespace()
    const before = await read(scratch, dialect)
    const goal = parse(
      [
        '*raw\n:PREROUTING DROP [0:0]\n-A PREROUTING -i lo -j ACCEPT\nCOMMIT',
        '*mangle\n:FORWARD ACCEPT [0:0]\n:U - [0:0]\n-A FORWARD -j U\n-A U -j MARK --set-xmark 0x1/0xffffffff\nCOMMIT',
        '*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT',
        '*filter\n:INPUT DROP [0:0]\nCOMMIT',
        '*security\n:U - [0:0]\nCOMMIT',
        '',
      ].join('\n'),
      dialect,
    )
    const there = await applyBatch(scratch, dialect, before, goal)
    expect(diffRulesets(there, goal), 'there').toEqual([])
    expect(diffRulesets(await applyBatch(scratch, dialect, there, before), before)).toEqual([])
  })

  test('another tool’s rule is found by its value, and its chain goes after it', async () => {
    await using scratch = await scratchNamespace()
    const foreign = '-m comment --comment "it\'s \\"theirs\\"" -p tcp -m tcp --dport 80 -j DOCKER'
    const chains = ':INPUT ACCEPT [0:0]\n:DOCKER - [0:0]'
    const own = ['-A INPUT -i lo -j ACCEPT', '-A INPUT -s ADDR -j DROP'].map((line) =>
      line.replace('ADDR', address(family, 9)),
    )
    const dump = table(
      chains,
      own[0] ?? '',
      `-A INPUT ${foreign}`,
      own[1] ?? '',
      '-A DOCKER -j RETURN',
    )
    await restore(scratch, dialect, [], dump)
    const live = await read(scratch, dialect)
    const goal = parse(table(':INPUT ACCEPT [0:0]', ...own), dialect)
    const { text } = buildBatch({ live, target: goal, dialect })
    expect(text).toMatch(/-D INPUT -p tcp .*-j DOCKER\n-F DOCKER\n-X DOCKER\n/)
    expect(diffRulesets(await applyBatch(scratch, dialect, live, goal), goal)).toEqual([])
  })

  test('a refused block changes nothing', async () => {
    await using scratch = await scratchNamespace()
    await restore(scratch, dialect, [], table(':INPUT ACCEPT [0:0]', '-A INPUT -i lo -j ACCEPT'))
    const saved = await scratch.save(backend, family)
    const live = await read(scratch, dialect)
    // Between reading and writing another tool took the rule away: the number is out of range.
    const goal = parse(table(':INPUT DROP [0:0]', ':NEW - [0:0]', '-A INPUT -i lo -j NEW'), dialect)
    const { text } = buildBatch({ live, target: goal, dialect })
    await restore(scratch, dialect, ['--noflush'], table('-D INPUT 1'))
    const emptied = await scratch.save(backend, family)
    await expect(restore(scratch, dialect, ['--noflush'], text)).rejects.toThrow(
      /too big|line \d+ failed/,
    )
    expect(await scratch.save(backend, family)).toBe(emptied)
    expect(emptied).not.toBe(saved)
  })
})

test.each(['ipv4', 'ipv6'] as const)(
  'a listed %s chain tells which rules the numbers of a batch hit on nft',
  async (family) => {
    await using scratch = await scratchNamespace()
    const dialect: Dialect = { family, backend: 'nft', version: [1, 8, 9] }
    const ports = (...numbers: readonly number[]): string =>
      table(
        ':INPUT ACCEPT [0:0]',
        ':own - [0:0]',
        ...numbers.map((port) => `-A INPUT -p udp -m udp --dport ${port} -j ACCEPT`),
        '-A own -p tcp -m comment --comment "-P INPUT DROP" -j DROP',
      )
    await restore(scratch, dialect, [], ports(1, 2, 3, 4))
    const live = await read(scratch, dialect)
    const target = parse(ports(1, 4), dialect)
    const batch = buildBatch({ live, target, dialect })
    const guarded = guardBatch(batch, live, true, { searched: 0, passed: 0 })
    expect(guarded.text).toContain('-v -S INPUT\n')
    const run = async (): Promise<string> => {
      const command = `${program(family, 'nft')}-restore`
      const args = ['--noflush', '--counters']
      const { stdout } = await scratch.executor.run({
        program: command,
        args,
        input: guarded.text,
        timeoutMs: 30_000,
      })
      return stdout
    }
    // Somebody is faster, and shifts the numbers.
    await restore(scratch, dialect, ['--noflush'], table('-I INPUT 1 -p udp -m udp --dport 99'))
    const hits = wrongHits(guarded.witnesses, await run())
    expect(hits?.map(({ line }) => line.replace(/^\[\d+:\d+\] /, ''))).toEqual([
      '-A INPUT -p udp -m udp --dport 2 -j ACCEPT',
      '-A INPUT -p udp -m udp --dport 1 -j ACCEPT',
    ])
    await restore(scratch, dialect, [], ports(1, 2, 3, 4))
    expect(wrongHits(guarded.witnesses, await run())).toEqual([])
    expect(diffRulesets(await read(scratch, dialect), target)).toEqual([])
  },
)

async function applyBatch(
  scratch: Scratch,
  dialect: Dialect,
  live: Ruleset,
  target: Ruleset,
  costs: EditCosts = EDIT_COSTS[dialect.backend],
): Promise<Ruleset> {
  const { text } = buildBatch({ live, target, dialect, costs })
  if (text !== '') await restore(scratch, dialect, ['--noflush'], text)
  return await read(scratch, dialect)
}

/** With a lock of its own: what runs beside this test on the machine must not slow it down. */
async function restore(
  scratch: Scratch,
  { backend, family }: Dialect,
  args: readonly string[],
  input: string,
): Promise<void> {
  const command = `${program(family, backend)}-restore`
  const result = await scratch.executor.run({
    program: command,
    args: [...args, '--counters'],
    input,
    timeoutMs: 60_000,
    env: { XTABLES_LOCKFILE: lockFile },
  })
  if (result.status !== 0) throw new Error(`${command}: ${result.status} ${result.stderr}`)
}

async function read(scratch: Scratch, dialect: Dialect): Promise<Ruleset> {
  return parse(await scratch.save(dialect.backend, dialect.family), dialect)
}

function parse(text: string, dialect: Dialect): Ruleset {
  const { ruleset, diagnostics } = parseSave(text, { family: dialect.family, dialect })
  expect(diagnostics).toEqual([])
  return ruleset
}

async function send(scratch: Scratch, family: Family, port: number): Promise<void> {
  const host = family === 'ipv4' ? '127.0.0.1' : '::1'
  await scratch.run('bash', ['-c', `echo > /dev/udp/${host}/${port}`])
}

/** The counters of rules that stand once in a chain of both, by chain and key. */
function countersOfCommonRules(of: Ruleset, other: Ruleset): Record<string, string> {
  const others = singleRules(other)
  const common = [...singleRules(of)].filter(([place]) => others.has(place))
  return Object.fromEntries(common)
}

function singleRules(of: Ruleset): Map<string, string> {
  const counters = new Map<string, string>()
  const repeated = new Set<string>()
  for (const { name, chains } of of.tables) {
    for (const chain of chains) {
      for (const rule of chain.rules) {
        const place = `${name} ${chain.name} ${rule.key}`
        if (counters.has(place)) repeated.add(place)
        counters.set(place, `${rule.counters?.packets}:${rule.counters?.bytes}`)
      }
    }
  }
  for (const place of repeated) counters.delete(place)
  return counters
}

function policyCounters(of: Ruleset): Record<string, string> {
  const chains = of.tables.flatMap((one) => one.chains.map((chain) => ({ table: one.name, chain })))
  return Object.fromEntries(
    chains
      .filter(({ chain }) => chain.policy !== undefined)
      .map(({ table: name, chain }) => [
        `${name} ${chain.name}`,
        `${chain.counters?.packets ?? 0n}`,
      ]),
  )
}

function chainOf(ruleset: Ruleset, name: string): Chain | undefined {
  return ruleset.tables.flatMap((one) => one.chains).find((chain) => chain.name === name)
}

function program(family: Family, backend: Backend): string {
  return `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}`
}

function address(family: Family, index: number): string {
  return family === 'ipv4'
    ? `10.0.${index >> 8}.${index & 255}/32`
    : `fd00::${(index + 1).toString(16)}/128`
}

function table(...lines: readonly string[]): string {
  return `*filter\n${lines.join('\n')}\nCOMMIT\n`
}

const USER_CHAINS = ['aa', 'bb', 'cc', 'dd', 'ee'] as const

/**
 * Whole dumps of filter and nat, with few enough rules that equal ones, moves and edits are common.
 * Which chain may jump to which is drawn anew each time, so that between two of them a jump may turn
 * round: in between there must be no loop.
 */
function arbitraryDump(family: Family): fc.Arbitrary<string> {
  return fc
    .tuple(arbitraryTable(family, ['INPUT', 'OUTPUT']), arbitraryTable(family, ['OUTPUT']))
    .map(([filter, nat]) => {
      const builtins = {
        filter: ['INPUT', 'FORWARD', 'OUTPUT'],
        nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
      }
      return `*nat\n${nat(builtins.nat, ['ACCEPT'])}COMMIT\n*filter\n${filter(builtins.filter, ['ACCEPT', 'DROP'])}COMMIT\n`
    })
}

/** A chain jumps only to those that come after it. */
function after(users: readonly string[], name: string): readonly string[] {
  return users.slice(users.indexOf(name) + 1)
}

type TableText = (builtins: readonly string[], policies: readonly string[]) => string

function arbitraryTable(family: Family, filled: readonly string[]): fc.Arbitrary<TableText> {
  return fc.shuffledSubarray([...USER_CHAINS]).chain((users) =>
    fc
      .tuple(
        fc.array(fc.nat(99), { minLength: 10, maxLength: 10 }),
        ...[...filled, ...users].map((name) =>
          arbitraryRules(family, filled.includes(name) ? users : after(users, name)).map(
            (rules) => ({ name, rules }),
          ),
        ),
      )
      .map(([numbers, ...chains]) => (builtins, policies) => {
        const heads = builtins.map((name, index) => {
          const number = numbers[index] ?? 0
          return `:${name} ${policies[number % policies.length]} [${number}:${number * 60}]\n`
        })
        const users = chains.filter(({ name }) => !builtins.includes(name))
        const rules = chains.flatMap(({ name, rules: list }) =>
          list.map(([text, count]) => `[${count}:${count * 60}] -A ${name} ${text}\n`),
        )
        return [...heads, ...users.map(({ name }) => `:${name} - [0:0]\n`), ...rules].join('')
      }),
  )
}

function arbitraryRules(
  family: Family,
  jumps: readonly string[],
): fc.Arbitrary<readonly (readonly [string, number])[]> {
  const texts = [
    `-s ${address(family, 1)} -j ACCEPT`,
    `-s ${address(family, 2)} -j ACCEPT`,
    `! -d ${address(family, 3)} -p tcp -m tcp --dport 22 -j ACCEPT`,
    '-p udp -m multiport --dports 53,123 -j ACCEPT',
    '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-m comment --comment "two words" -j RETURN',
    '-m limit --limit 10/min -j LOG --log-prefix "denied: "',
    ...jumps.flatMap((name) => [
      `-j ${name}`,
      `-p tcp -g ${name}`,
      `-m mark --mark 0x1 -j ${name}`,
    ]),
  ]
  return fc.array(fc.tuple(fc.constantFrom(...texts), fc.nat(99)), { maxLength: 9 })
}

/** Pairs of rules that iptables-nft 1.8.9 takes for each other when one is to go by its value. */
const ALIKE: readonly (readonly [Family, string, string])[] = [
  ['ipv6', '-s 2001:db8::/32 -j DROP', '-s 2001:db8::/48 -j DROP'],
  ['ipv6', '-j DROP', '-s ::/1 -j DROP'],
  ['ipv4', '-m helper --helper ftp -j DROP', '-m helper --helper sip -j DROP'],
  ['ipv4', '-m connlabel --label "1" -j DROP', '-m connlabel --label "2" -j DROP'],
]

describe.each(ALIKE)('%s: of %j and %j', (family, first, second) => {
  const dump = (...rules: readonly string[]): string =>
    `*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n${rules.map((rule) => `-A INPUT ${rule}\n`).join('')}COMMIT\n`

  test.each(['auto', 'required'] as const)(
    'the one goes that is meant, also among hundreds, rehearsed %s, and comes back',
    async (rehearse) => {
      await using bench = await workbench('nft')
      const many = Array.from({ length: 300 }, (_, i) => `-p tcp -m tcp --dport ${i + 1} -j ACCEPT`)
      const rulesOf = async (): Promise<readonly string[]> =>
        [...(await bench.save(family)).matchAll(/^\[0:0\] -A INPUT (.*)$/gm)].map(
          ([, rule]) => `${rule}`,
        )
      for (const between of [[], many]) {
        const all = [first, ...between, second]
        for (const rules of [all, [first, ...between], all]) {
          const plan = await bench.planTo({ [family]: dump(...rules) })
          expect(await bench.apply(plan, { rehearse })).toMatchObject({ kind: 'applied' })
          expect(await rulesOf()).toEqual(rules)
        }
      }
    },
  )
})
