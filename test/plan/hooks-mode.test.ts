import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildBatch } from '../../src/plan/batch.ts'
import { claim, onEmptyHost } from '../../src/plan/claim.ts'
import { diffRulesets } from '../../src/plan/diff.ts'
import { DEFAULT_OWNERSHIP, type HookPosition, type Ownership } from '../../src/policy/policy.ts'
import type { Chain, Dialect, Ruleset, TableName } from '../../src/ruleset/model.ts'
import { restore } from '../fake/restore.ts'
import { chain, fullTable, rule, ruleset, table } from './rulesets.ts'

const hooked = (hook: HookPosition = 'first'): Ownership => ({
  ...DEFAULT_OWNERSHIP,
  mode: 'hooks',
  hook,
})
const dialect: Dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] }

function linesOf(target: Ruleset, name: string, table: TableName = 'filter') {
  const chains = target.tables.find((one) => one.name === table)?.chains
  return chains?.find((one) => one.name === name)?.rules.map((one) => one.text)
}

function hook(live: readonly string[], desired: Chain, position?: HookPosition) {
  return claim({
    live: ruleset(fullTable('filter', chain('INPUT', live, { policy: 'ACCEPT' }))),
    desired: ruleset(table('filter', desired)),
    ownership: hooked(position),
  })
}

test('what the policy says for INPUT goes into a chain of ours, with its policy as the last rule', () => {
  const { target, unmanaged } = hook(
    ['-i eth9', '-j f2b-x'],
    chain('INPUT', ['a'], { policy: 'DROP' }),
  )
  expect(linesOf(target, 'FWCTL-INPUT')).toEqual(['a', '-j DROP'])
  expect(linesOf(target, 'INPUT')).toEqual(['-j FWCTL-INPUT', '-i eth9', '-j f2b-x'])
  expect(target.tables[0]?.chains[0]?.policy).toBe('ACCEPT')
  expect(unmanaged.rules).toEqual([
    { table: 'filter', chain: 'INPUT', count: 2, tools: ['fail2ban'] },
  ])
})

test('without a policy of its own the chain hands on to the others', () => {
  const { target, diagnostics } = hook(['-i eth9'], chain('INPUT', ['a']), 'last')
  expect(linesOf(target, 'FWCTL-INPUT')).toEqual(['a'])
  expect(linesOf(target, 'INPUT')).toEqual(['-i eth9', '-j FWCTL-INPUT'])
  expect(diagnostics).toEqual([])
})

test.each(['-i eth0 -j RETURN', '-i eth0 -g web'])(
  'a rule that leaves the chain early (%s) still comes to the default policy',
  (early) => {
    const { target } = hook([], chain('INPUT', [early, 'b'], { policy: 'DROP' }))
    expect(linesOf(target, 'FWCTL-INPUT')).toEqual(['-j FWCTL-INPUT-RULES', '-j DROP'])
    expect(linesOf(target, 'FWCTL-INPUT-RULES')).toEqual([early, 'b'])
  },
)

test('rules of others that will never be reached are warned of', () => {
  const codes = (position: HookPosition, policy: 'ACCEPT' | 'DROP' | undefined) => {
    const desired = chain('INPUT', ['a'], policy === undefined ? {} : { policy })
    return hook(['-i eth9'], desired, position).diagnostics.map((found) => found.code)
  }
  expect(codes('first', 'DROP')).toEqual(['hook-hides-rules'])
  expect(codes('first', 'ACCEPT')).toEqual(['hook-hides-rules'])
  expect(codes('first', undefined)).toEqual([])
  expect(codes('last', 'DROP')).toEqual([])
})

describe('what a former policy hooked in goes when it is no longer declared:', () => {
  const live = ruleset(
    fullTable(
      'filter',
      chain('INPUT', ['-j FWCTL-INPUT', '-j f2b-x']),
      chain('FWCTL-INPUT', ['-j FWCTL-INPUT-RULES', '-j DROP']),
      chain('FWCTL-INPUT-RULES', ['-i eth0 -j RETURN']),
    ),
  )
  test.each<[string, Ownership, Chain]>([
    ['the chain is not in the policy any more', hooked(), chain('FORWARD', ['a'])],
    ['the mode is another one', DEFAULT_OWNERSHIP, chain('INPUT', ['a'])],
    ['the mode is another one, and so is the chain', DEFAULT_OWNERSHIP, chain('FORWARD', ['a'])],
  ])('%s', (_why, ownership, desired) => {
    const { target } = claim({ live, desired: ruleset(table('filter', desired)), ownership })
    const names = target.tables[0]?.chains.map((one) => one.name)
    expect(names).not.toContain('FWCTL-INPUT')
    expect(names).not.toContain('FWCTL-INPUT-RULES')
    expect(linesOf(target, 'INPUT')).not.toContain('-j FWCTL-INPUT')
    expect(linesOf(target, 'INPUT')).toContain('-j f2b-x')
  })

  test('but not while somebody else jumps to it', () => {
    const used = ruleset(
      fullTable(
        'filter',
        chain('theirs', ['-j FWCTL-INPUT']),
        chain('FWCTL-INPUT', ['-j FWCTL-INPUT-RULES']),
        chain('FWCTL-INPUT-RULES', ['x']),
        chain('FWCTL-OUTPUT', ['x']),
      ),
    )
    const desired = ruleset(table('filter', chain('FORWARD', [])))
    const { target } = claim({ live: used, desired, ownership: hooked() })
    const names = target.tables[0]?.chains.map((one) => one.name)
    expect(names).toContain('FWCTL-INPUT')
    expect(names).toContain('FWCTL-INPUT-RULES')
    expect(names).not.toContain('FWCTL-OUTPUT')
  })
})

test('what can not be hooked is an error on any host', () => {
  const codes = (name: TableName, ...chains: Chain[]) =>
    onEmptyHost(ruleset(table(name, ...chains)), hooked()).diagnostics.map((found) => found.code)
  expect(codes('nat', chain('PREROUTING', [], { policy: 'DROP' }))).toEqual(['policy-not-allowed'])
  expect(codes('nat', chain('PREROUTING', [], { policy: 'ACCEPT' }))).toEqual([])
  expect(codes('filter', chain('FWCTL-INPUT', []))).toEqual(['chain-duplicate'])
})

const OTHERS = ['-i eth1', '-j DOCKER', '-s 1 -j ACCEPT', '-s 2 -j DROP']
const liveLines = fc.array(fc.constantFrom(...OTHERS, '-j FWCTL-INPUT', '-i lo -j FWCTL-INPUT'), {
  maxLength: 9,
})

test('nothing of others is removed, moved or changed, and a second plan is empty', () => {
  fc.assert(
    fc.property(
      liveLines,
      fc.array(fc.constantFrom('a', 'b', '-s 2 -j DROP'), { maxLength: 3 }),
      fc.constantFrom<HookPosition>('first', 'last'),
      (lines, wanted, position) => {
        const isOurs = (text: string) => text.includes('FWCTL-')
        const live = ruleset(
          fullTable('filter', chain('INPUT', lines), chain('FWCTL-INPUT', ['old', 'a'])),
        )
        const desired = ruleset(table('filter', chain('INPUT', wanted, { policy: 'DROP' })))
        const ownership = hooked(position)
        const { target } = claim({ live, desired, ownership })

        const inInput = diffRulesets(live, target).filter((change) => change.chain === 'INPUT')
        const touched = inInput.map((c) => ('after' in c ? c.after : c.before))
        expect(touched.filter((one) => !('text' in one && isOurs(one.text)))).toEqual([])
        expect(linesOf(target, 'INPUT')?.filter((text) => !isOurs(text))).toEqual(
          lines.filter((text) => !isOurs(text)),
        )
        expect(linesOf(target, 'INPUT')?.at(position === 'first' ? 0 : -1)).toBe('-j FWCTL-INPUT')
        expect(linesOf(target, 'INPUT')?.filter(isOurs)).toHaveLength(1)
        expect(diffRulesets(target, claim({ live: target, desired, ownership }).target)).toEqual([])

        const { text } = buildBatch({ live, target, dialect })
        const after = restore(live, text, { backend: 'nft', readRule: rule })
        expect(diffRulesets(after, target)).toEqual([])
      },
    ),
    { numRuns: 500 },
  )
})
