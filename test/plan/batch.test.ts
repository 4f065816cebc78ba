import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FwctlError } from '../../src/base/error.ts'
import { type Batch, buildBatch } from '../../src/plan/batch.ts'
import { diffRulesets } from '../../src/plan/diff.ts'
import type { EditCosts } from '../../src/plan/edit-cost.ts'
import { rulesetDigest } from '../../src/plan/state.ts'
import type { Backend, Dialect, Ruleset } from '../../src/ruleset/model.ts'
import { restore } from '../fake/restore.ts'
import { arbitraryRuleset } from './generate.ts'
import { chain, counters, fullTable, rule, ruleset } from './rulesets.ts'

const dialect = (backend: Backend): Dialect => ({ family: 'ipv4', backend, version: [1, 8, 9] })
const BACKENDS: readonly Backend[] = ['nft', 'legacy']

/** What makes one form of edits the cheapest in any case. */
const FORMS: Readonly<Record<string, EditCosts>> = {
  'by number': { read: () => 0, edit: () => 0, write: 1000 },
  anew: { read: () => 1000, edit: () => 0, write: 0 },
}

function batchOf(
  live: Ruleset,
  target: Ruleset,
  backend: Backend = 'nft',
  costs?: EditCosts,
): Batch {
  return buildBatch({ live, target, dialect: dialect(backend), ...(costs && { costs }) })
}

function filter(...lines: readonly string[]): Ruleset {
  return ruleset(fullTable('filter', chain('INPUT', lines, { policy: 'ACCEPT' })))
}

function edits(live: Ruleset, target: Ruleset): readonly string[] {
  return batchOf(live, target)
    .text.split('\n')
    .filter((line) => /^(\[|-)/.test(line))
}

describe.each(
  BACKENDS.flatMap((backend) =>
    Object.entries(FORMS).map(([form, costs]) => ({ backend, form, costs })),
  ),
)('on $backend, edited $form', ({ backend, costs }) => {
  test('running the batch over live gives the target', () => {
    fc.assert(
      fc.property(arbitraryRuleset(), arbitraryRuleset(), (live, target) => {
        const after = restore(live, batchOf(live, target, backend, costs).text, {
          backend,
          readRule: rule,
        })
        expect(rulesetDigest(after)).toBe(rulesetDigest(target))
      }),
      { numRuns: 500 },
    )
  })

  test('a rule that is in its chain before and after keeps its counters, wherever it went', () => {
    fc.assert(
      fc.property(arbitraryRuleset(), arbitraryRuleset(), (live, target) => {
        const after = restore(live, batchOf(live, target, backend, costs).text, {
          backend,
          readRule: rule,
        })
        for (const { name, chains } of live.tables) {
          for (const before of chains) {
            const now = find(after, name, before.name)
            for (const kept of before.rules) {
              const [one, ...more] = now?.rules.filter((r) => r.key === kept.key) ?? []
              const isUnique = before.rules.filter((r) => r.key === kept.key).length === 1
              if (isUnique && one !== undefined && more.length === 0) {
                expect(one.counters).toEqual(kept.counters)
              }
            }
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  test('the counters of every policy survive', () => {
    fc.assert(
      fc.property(arbitraryRuleset(), arbitraryRuleset(), (live, target) => {
        const after = restore(live, batchOf(live, target, backend, costs).text, {
          backend,
          readRule: rule,
        })
        for (const { name, chains } of live.tables) {
          for (const before of chains.filter((c) => c.policy !== undefined)) {
            expect(find(after, name, before.name)?.counters ?? counters(0)).toEqual(
              before.counters ?? counters(0),
            )
          }
        }
      }),
    )
  })
})

test('a batch for changes that are known already is the same', () => {
  fc.assert(
    fc.property(
      arbitraryRuleset(),
      arbitraryRuleset(),
      fc.constantFrom(...BACKENDS),
      (live, target, backend) => {
        const changes = diffRulesets(live, target)
        const known = buildBatch({ live, target, dialect: dialect(backend), changes })
        expect(known.text).toBe(batchOf(live, target, backend).text)
      },
    ),
    { numRuns: 300 },
  )
})

test('no line is written for what does not change, and no line at all when nothing does', () => {
  const live = filter('-s 1', '-s 2')
  expect(batchOf(live, live)).toEqual({ text: '', lines: [], tables: [] })
  const withNat = ruleset(
    fullTable('nat', chain('POSTROUTING', ['-s 9'])),
    ...filter('-s 1').tables,
  )
  const target = ruleset(fullTable('nat', chain('POSTROUTING', ['-s 9'])), ...filter('-s 3').tables)
  expect(batchOf(withNat, target).tables).toEqual(['filter'])
})

test('a rule that only reads differently is not touched', () => {
  const live = filter('-s 1')
  const target = ruleset(
    fullTable('filter', {
      name: 'INPUT',
      policy: 'ACCEPT',
      rules: [{ ...rule('-s 1'), text: '--src 1' }],
    }),
  )
  expect(batchOf(live, target).text).toBe('')
})

test('legacy gets every policy of a touched table with its live counters, nft only changed ones', () => {
  const live = ruleset(
    fullTable(
      'filter',
      chain('INPUT', [], { policy: 'ACCEPT', counters: counters(5) }),
      chain('OUTPUT', [], { policy: 'DROP', counters: counters(7) }),
    ),
  )
  const target = ruleset(
    fullTable(
      'filter',
      chain('INPUT', [], { policy: 'DROP' }),
      chain('OUTPUT', [], { policy: 'DROP' }),
    ),
  )
  const policies = (backend: Backend) =>
    batchOf(live, target, backend)
      .text.split('\n')
      .filter((line) => line.startsWith(':'))
  expect(policies('nft')).toEqual([':INPUT DROP [5:50]'])
  expect(policies('legacy')).toEqual([
    ':INPUT DROP [5:50]',
    ':FORWARD ACCEPT [0:0]',
    ':OUTPUT DROP [7:70]',
  ])
})

describe('one line is enough for', () => {
  test.each([
    [
      'an edited rule',
      ['-s 1', '-s 2 -j ACCEPT', '-s 3'],
      ['-s 1', '-s 2 -j DROP', '-s 3'],
      ['-R INPUT 2 -s 2 -j DROP'],
    ],
    [
      'an unrelated rule in its place',
      ['-s 1', '-s 2'],
      ['-s 1', '-p 6 -j LOG'],
      ['-R INPUT 2 -p 6 -j LOG'],
    ],
    ['a new last rule', ['-s 1'], ['-s 1', '-s 2'], ['-A INPUT -s 2']],
    ['a new first rule', ['-s 1'], ['-s 2', '-s 1'], ['-I INPUT 1 -s 2']],
    ['a rule that goes', ['-s 1', '-s 2', '-s 3'], ['-s 1', '-s 3'], ['-D INPUT 2']],
    ['a rule without any match', [], [''], ['-A INPUT']],
  ])('%s', (_what, live, target, expected) => {
    expect(edits(filter(...live), filter(...target))).toEqual(expected)
  })
})

test('a moved rule and an edited rule carry their counters', () => {
  expect(edits(filter('[5:50] -s 1', '-s 2', '-s 3'), filter('-s 2', '-s 3', '-s 1'))).toEqual([
    '-D INPUT 1',
    '[5:50] -A INPUT -s 1',
  ])
  expect(edits(filter('[5:50] -s 1 -p 6 -j ACCEPT'), filter('-s 1 -p 6 -j DROP'))).toEqual([
    '[5:50] -R INPUT 1 -s 1 -p 6 -j DROP',
  ])
})

test('chains come before rules that jump to them, and go after the last jump', () => {
  const live = ruleset(
    fullTable('filter', chain('INPUT', ['-j old1']), chain('old1', ['-j old2']), chain('old2')),
  )
  const target = ruleset(fullTable('filter', chain('INPUT', ['-j new1']), chain('new1', ['-s 1'])))
  expect(batchOf(live, target).text).toBe(
    '*filter\n:new1 - [0:0]\n-R INPUT 1 -j new1\n-A new1 -s 1\n-F old1\n-X old1\n-X old2\nCOMMIT\n',
  )
})

describe('a chain of ours alone', () => {
  const own = (lines: readonly string[], name = 'own'): Ruleset =>
    ruleset(
      fullTable('filter', chain('INPUT', [`-j ${name}`], { policy: 'ACCEPT' }), chain(name, lines)),
    )
  const rules = Array.from(
    { length: 3000 },
    (_, index) => `[${index}:${index}] -s ${index} -j ACCEPT`,
  )
  const changed = (count: number): readonly string[] =>
    rules.map((line, index) =>
      index < count ? line.replace(/^.*-j ACCEPT$/, `-d ${index} -j DROP`) : line,
    )

  test('is edited where little changes, and written anew where most does, with its counters', () => {
    expect(edits(own(rules), own(changed(30)))).toHaveLength(30)
    const anew = edits(own(rules), own(changed(2500)))
    expect(anew).toHaveLength(3001)
    expect(anew[0]).toBe('-F own')
    expect(anew.at(-1)).toBe('[2999:2999] -A own -s 2999 -j ACCEPT')
  })

  test.each([
    ['a built-in chain', (lines: readonly string[]) => filter(...lines)],
    [
      'a chain that is known to be another tool\u2019s',
      (lines: readonly string[]) => own(lines, 'f2b-sshd'),
    ],
    [
      'a chain with a limit',
      (lines: readonly string[]) => own([...lines, '-m limit --limit 1/sec -j LOG']),
    ],
    [
      'a chain with a match that is not known',
      (lines: readonly string[]) => own([...lines, '-m new --x']),
    ],
  ])('is not written anew: %s', (_what, make) => {
    expect(edits(make(rules), make(changed(2500))).filter((line) => line.startsWith('-F'))).toEqual(
      [],
    )
  })

  test('is not written anew where its counters could not be set', () => {
    const live = { ...own(rules), family: 'ipv6' as const }
    const target = { ...own(changed(2500)), family: 'ipv6' as const }
    const { text } = buildBatch({ live, target, dialect: { ...dialect('nft'), family: 'ipv6' } })
    expect(text).not.toContain('-F')
  })
})

test('ten edits among 10,000 rules are about ten lines', () => {
  const lines = Array.from({ length: 10_000 }, (_, index) => `-s ${index} -j ACCEPT`)
  const edited = lines.map((line, index) => (index % 1000 === 500 ? `-s x${index} -j DROP` : line))
  expect(batchOf(filter(...lines), filter(...edited)).lines).toHaveLength(12)
})

test('a full shuffle of 10,000 rules is planned in bounded time', () => {
  const lines = Array.from({ length: 10_000 }, (_, index) => `-s ${index} -j ACCEPT`)
  const shuffled = lines.map((_, index) => lines[(index * 7919) % 10_000] as string)
  const live = filter(...lines)
  const { text } = batchOf(live, filter(...shuffled))
  const after = restore(live, text, { backend: 'nft', readRule: rule })
  expect(rulesetDigest(after)).toBe(rulesetDigest(filter(...shuffled)))
}, 10_000)

test('another tool’s rule is deleted by value, unless an equal one stays', () => {
  expect(edits(filter('-s 1', '-j DOCKER', '-s 2'), filter('-s 1', '-s 2'))).toEqual([
    '-D INPUT -j DOCKER',
  ])
  expect(edits(filter('-j DOCKER', '-s 2', '-j DOCKER'), filter('-j DOCKER', '-s 2'))).toEqual([
    '-D INPUT 3',
  ])
})

test('a line leads back to the rule that it writes', () => {
  const origin = { file: 'fwctl.yaml', line: 7, column: 9, name: 'web' }
  const target = ruleset(
    fullTable('filter', { name: 'INPUT', policy: 'ACCEPT', rules: [{ ...rule('-s 1'), origin }] }),
  )
  const { text, lines } = batchOf(filter(), target)
  const number = text.split('\n').indexOf('-A INPUT -s 1') + 1
  expect(lines[number - 1]).toMatchObject({ table: 'filter', chain: 'INPUT', rule: { origin } })
})

describe('refused, because it could smuggle in a line or lose a part', () => {
  test.each([
    ['a newline', '-m comment --comment "a\nCOMMIT"'],
    ['a carriage return', '-m comment --comment "a\rb"'],
    ['a NUL', '-m comment --comment "a\0b"'],
    ['more bytes than one line may have', `-m comment --comment "${'é'.repeat(5200)}"`],
  ])('%s', (_what, text) => {
    expect(codeOf(() => batchOf(filter(), filter(text)))).toBe('refused')
  })

  test('a chain that goes while a rule that stays jumps to it', () => {
    const live = ruleset(fullTable('filter', chain('INPUT', ['-j gone']), chain('gone')))
    const target = ruleset(fullTable('filter', chain('INPUT', ['-j gone'])))
    expect(codeOf(() => batchOf(live, target))).toBe('refused')
  })
})

function codeOf(action: () => unknown): string | undefined {
  try {
    action()
  } catch (error) {
    return (error as FwctlError).code
  }
  return undefined
}

function find(from: Ruleset, tableName: string, chainName: string) {
  return from.tables.find((t) => t.name === tableName)?.chains.find((c) => c.name === chainName)
}
