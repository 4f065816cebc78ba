import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MERGE } from '../../src/host/far-merge-script.ts'
import { printSave } from '../../src/iptables/save.ts'
import { diffRulesets } from '../../src/plan/diff.ts'
import { isForeignRule } from '../../src/plan/foreign.ts'
import { type TouchedChain, touchedChains } from '../../src/plan/touched.ts'
import { wayBack } from '../../src/plan/way-back.ts'
import { KNOWN_TOOLS } from '../../src/policy/policy.ts'
import { isBuiltinChain } from '../../src/ruleset/hooks.ts'
import type { Chain, Rule, Ruleset } from '../../src/ruleset/model.ts'
import { arbitraryRuleset } from '../plan/generate.ts'
import { rule } from '../plan/rulesets.ts'

interface Case {
  readonly before: Ruleset
  readonly after: Ruleset
  readonly live: Ruleset
}

/** Each touched chain with its policy and its rules, or that it is not there. */
function chainsOf(state: Ruleset, touched: readonly TouchedChain[]): Record<string, unknown> {
  return Object.fromEntries(
    touched.map((place) => {
      const found = chainAt(state, place)
      const { policy } = found ?? (isBuiltinChain(place.table, place.chain) ? ACCEPTING : NONE)
      const rules = found?.rules.map((one) => one.text) ?? []
      return [`${place.table} ${place.chain}`, found || policy ? [policy ?? '-', ...rules] : 'gone']
    }),
  )
}

const ACCEPTING = { policy: 'ACCEPT' } as const
const NONE = { policy: undefined } as const

function chainAt(state: Ruleset, { table, chain }: TouchedChain): Chain | undefined {
  const found = state.tables.find((one) => one.name === table)
  return found?.chains.find((one) => one.name === chain)
}

/** What `#expected` would be, in the same form, and what `same` says. */
function merged(it: Case, touched: readonly TouchedChain[]): [Record<string, unknown>, string] {
  const text = [
    '#phase\ncounting',
    '#touched',
    ...touched
      .toSorted((a, b) => a.table.localeCompare(b.table))
      .map(
        ({ table, chain }) => `${table} ${chain}${isBuiltinChain(table, chain) ? ' builtin' : ''}`,
      ),
    '#theirs',
    ...rulesOf(it.before, touched, (one, place) => isForeignRule(one, place, KNOWN_TOOLS)),
    '#left',
    ...rulesOf(it.after, touched, () => true),
    '#before',
    printSave(it.before),
    '#known\n#expected\n#now',
    printSave(it.live),
  ].join('\n')
  const { status, stdout, stderr } = spawnSync('awk', [MERGE], { input: text, encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  const lines = stdout.split('\n')
  const chains: Record<string, unknown> = Object.fromEntries(
    touched.map((place) => [`${place.table} ${place.chain}`, 'gone']),
  )
  let table = ''
  for (const line of lines.filter((one) => one.startsWith('E ')).map((one) => one.slice(2))) {
    const [word = '', name = '', policy = ''] = line.split(' ')
    if (word.startsWith('*')) table = word.slice(1)
    else if (word.startsWith(':')) chains[`${table} ${word.slice(1)}`] = [name]
    else if (word === '-A') {
      const chain = chains[`${table} ${name}`] as string[]
      chain.push(line.slice(`-A ${name} `.length))
    } else expect([line, policy]).toEqual(['COMMIT', ''])
  }
  return [chains, lines[0] ?? '']
}

function rulesOf(
  state: Ruleset,
  touched: readonly TouchedChain[],
  isWanted: (rule: Rule, place: TouchedChain) => boolean,
): string[] {
  return touched.flatMap((place) => [
    `*${place.table}`,
    ...(chainAt(state, place)?.rules ?? [])
      .filter((one) => isWanted(one, place))
      .map((one) => `-A ${place.chain} ${one.text}`),
  ])
}

function check(it: Case): void {
  const touched = touchedChains(diffRulesets(it.before, it.after))
  if (touched.length === 0) return
  const [chains, same] = merged(it, touched)
  const target = wayBack({ ...it, touched, foreign: KNOWN_TOOLS })
  expect(chains).toEqual(chainsOf(target, touched))
  const isBefore =
    JSON.stringify(chainsOf(it.live, touched)) === JSON.stringify(chainsOf(it.before, touched))
  expect(same.includes(' before ')).toBe(isBefore)
}

const RUNS = { numRuns: 100 }

test('the way back of the shell is that of plan/way-back.ts, where nobody did anything', () => {
  fc.assert(
    fc.property(arbitraryRuleset(), arbitraryRuleset(), (before, after) =>
      check({ before, after, live: after }),
    ),
    RUNS,
  )
})

test('and where others have added rules and taken rules away since', () => {
  const others = fc.array(fc.tuple(fc.nat(9), fc.constantFrom('add', 'take', 'copy')), {
    minLength: 1,
    maxLength: 5,
  })
  fc.assert(
    fc.property(arbitraryRuleset(), arbitraryRuleset(), others, (before, after, deeds) => {
      const tables = after.tables.map((table) => ({
        ...table,
        chains: table.chains.map((chain) => {
          const rules = [...chain.rules]
          for (const [place, deed] of deeds) {
            const at = place % (rules.length + 1)
            if (deed === 'take') rules.splice(at, 1)
            else if (deed === 'add') rules.splice(at, 0, rule(`-s 9.9.9.${place} -j DROP`))
            else rules.splice(at, 0, rule('-d 4 -j DOCKER'))
          }
          return { ...chain, rules }
        }),
      }))
      check({ before, after, live: { ...after, tables } })
    }),
    RUNS,
  )
})

test('and where anything at all is there', () => {
  fc.assert(
    fc.property(arbitraryRuleset(), arbitraryRuleset(), arbitraryRuleset(), (before, after, live) =>
      check({ before, after, live }),
    ),
    RUNS,
  )
})
