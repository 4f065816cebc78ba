import { describe, expect, test } from 'vitest'
import { digest } from '../../src/base/digest.ts'
import { FwctlError } from '../../src/base/error.ts'
import { parseSave } from '../../src/iptables/save.ts'
import { makePlan, type Plan } from '../../src/plan/plan.ts'
import {
  checkBase,
  type LiveStates,
  planFromSaved,
  readSavedPlan,
  serialisePlan,
} from '../../src/plan/saved.ts'
import type { Ownership } from '../../src/policy/policy.ts'
import type { Dialect, Ruleset } from '../../src/ruleset/model.ts'
import { ruleWith } from '../../src/ruleset/rule-with.ts'

const dialect: Dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] }

function read(...rules: readonly string[]): Ruleset {
  const lines = [
    '*filter',
    ':INPUT ACCEPT [1:2]',
    ':FORWARD ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':WEB - [0:0]',
  ]
  const text = [...lines, ...rules, 'COMMIT', ''].join('\n')
  const { ruleset, diagnostics } = parseSave(text, { family: 'ipv4', dialect })
  expect(diagnostics).toEqual([])
  return ruleset
}

const live = read('[5:50] -A INPUT -i lo -j ACCEPT', '[6:60] -A INPUT -s 192.0.2.1/32 -j DROP')

function plan(): Plan {
  const desired = read(
    '-A INPUT -s 192.0.2.1/32 -j DROP',
    '-A INPUT -i lo -j ACCEPT',
    '-A INPUT -m comment --comment "a b" -j WEB',
  )
  const origin = { file: 'fwctl.yaml', line: 4, column: 9, name: 'web' }
  const tables = desired.tables.map((table) => ({
    ...table,
    chains: table.chains.map((chain) => ({
      ...chain,
      ...(chain.name === 'FORWARD' ? { policy: 'DROP' as const } : {}),
      origin: { file: 'fwctl.yaml', line: 3, column: 5 },
      rules: chain.rules.map((rule) => ruleWith(rule, { origin })),
    })),
  }))
  return makePlan({
    families: [{ dialect, live, desired: { ...desired, tables } }],
    policyDigest: digest('policy'),
  })
}

const states = (ruleset: Ruleset, as: Dialect = dialect): LiveStates => ({
  ipv4: { ruleset, dialect: as },
})

test('a plan that was saved and read is the plan that was made', () => {
  const made = plan()
  expect(made.families[0]?.batch.text).toContain('-A INPUT')
  const again = planFromSaved(readSavedPlan(serialisePlan(made)), states(live))
  expect(again.families[0]?.batch.text).toBe(made.families[0]?.batch.text)
  expect(again.families[0]?.result).toBe(made.families[0]?.result)
  expect(again.summary).toEqual(made.summary)
  expect(again.policyDigest).toBe(made.policyDigest)
  expect(serialisePlan(again)).toBe(serialisePlan(made))
})

test('its rules still lead back to the policy', () => {
  const [family] = planFromSaved(readSavedPlan(serialisePlan(plan())), states(live)).families
  const added = family?.changes.find((change) => change.kind === 'rule-add')
  expect(added?.after.origin).toEqual({ file: 'fwctl.yaml', line: 4, column: 9, name: 'web' })
  const shut = family?.changes.find((change) => change.kind === 'policy-change')
  expect(shut?.after.origin).toEqual({ file: 'fwctl.yaml', line: 3, column: 5 })
})

test('the batch is made anew, with the counters of now', () => {
  const later = read(
    '[500:5000] -A INPUT -i lo -j ACCEPT',
    '[6:60] -A INPUT -s 192.0.2.1/32 -j DROP',
  )
  const saved = readSavedPlan(serialisePlan(plan()))
  expect(planFromSaved(saved, states(later)).families[0]?.batch.text).toContain('[500:5000]')
})

describe('stale', () => {
  const saved = readSavedPlan(serialisePlan(plan()))
  const other = read('-A INPUT -i lo -j ACCEPT')
  test.each<[string, LiveStates]>([
    ['when a rule is gone', states(other)],
    ['when the back end is another', states(live, { ...dialect, backend: 'legacy' })],
    ['when iptables is another version', states(live, { ...dialect, version: [1, 8, 10] })],
    ['when the family was not read', {}],
  ])('%s', (_when, now) => {
    expect(checkBase(saved, now)).toEqual({ kind: 'stale', families: ['ipv4'] })
    expect(codeOf(() => planFromSaved(saved, now))).toBe('stale-plan')
  })

  test('but not because something was counted', () => {
    const later = read('[9:90] -A INPUT -i lo -j ACCEPT', '[9:90] -A INPUT -s 192.0.2.1/32 -j DROP')
    expect(checkBase(saved, states(later))).toEqual({ kind: 'current' })
  })
})

/** The saved plan with something changed, and its digest made right again: a careful forger. */
function forged(change: (value: Record<string, unknown>) => unknown): string {
  const { digest: _, ...body } = JSON.parse(serialisePlan(plan()))
  change(body)
  return JSON.stringify({ ...body, digest: digest(JSON.stringify(body)) })
}

function family(value: Record<string, unknown>): Record<string, unknown> {
  return (value['families'] as Record<string, unknown>[])[0] as Record<string, unknown>
}

function editTarget(edit: (target: string) => string): string {
  return forged((value) => {
    const one = family(value)
    one['target'] = edit(one['target'] as string)
  })
}

describe('refused, and never half read:', () => {
  test.each<[string, string]>([
    ['nothing', ''],
    ['something else', '{"resource": []}'],
    ['a list', '[]'],
    ['the first half', serialisePlan(plan()).slice(0, 900)],
    ['one byte that changed', serialisePlan(plan()).replace('192.0.2.1', '192.0.2.7')],
    [
      'a version from the future',
      forged((value) => Object.assign(value, { formatVersion: '2.0' })),
    ],
    ['a key too many', forged((value) => Object.assign(value, { hooks: [] }))],
    [
      'a batch of its own',
      forged((value) => Object.assign(family(value), { batch: '*filter\n-F\nCOMMIT\n' })),
    ],
    ['a key too few', forged((value) => delete family(value)['base'])],
    [
      'a family that there is not',
      forged((value) => Object.assign(family(value), { family: 'ipx' })),
    ],
    ['a target that is no ruleset', editTarget(() => 'rm -rf /')],
    ['a target without COMMIT', editTarget((target) => target.replace('COMMIT\n', ''))],
    [
      'another target than the digest says',
      editTarget((target) => target.replace('192.0.2.1', '192.0.2.7')),
    ],
    ['a second table of the same name', editTarget((target) => target + target)],
    ['a carriage return in the target', editTarget((target) => target.replace('-i lo', '-i lo\r'))],
    [
      'an escape sequence in a name',
      forged((value) =>
        Object.assign((value.ownership as Ownership).foreign, { chains: ['\u001b[2J'] }),
      ),
    ],
  ])('%s', (_what, text) => {
    expect(codeOf(() => readSavedPlan(text))).toBe('untrusted-file')
  })
})

function codeOf(action: () => unknown): string | undefined {
  try {
    action()
  } catch (error) {
    if (error instanceof FwctlError) return error.code
    throw error
  }
  return undefined
}
