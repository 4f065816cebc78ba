import { expect, test } from 'vitest'
import { callLines } from '../../bench/languages/calls.ts'
import { EDIT_FORMS, type EditForm, restoreText } from '../../bench/languages/iptables.ts'
import { policyJson, policyYaml } from '../../bench/languages/policy.ts'
import { edited, editsOf, reversed } from '../../bench/rulesets/edit.ts'
import { RULESETS, type RulesetKind } from '../../bench/rulesets/kinds.ts'
import { type BenchRuleset, countRules } from '../../bench/rulesets/ruleset.ts'
import { type LiveFamily, parseLive } from '../../src/host/live.ts'
import { planFromPolicy } from '../../src/plan/from-policy.ts'
import { formatPolicy } from '../../src/policy/format.ts'
import { parsePolicy } from '../../src/policy/parse.ts'
import type { Rule } from '../../src/ruleset/model.ts'
import { restore } from '../fake/restore.ts'

const dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] } as const
const KINDS = (Object.keys(RULESETS) as RulesetKind[]).map((kind) => [kind])

function live(text: string): LiveFamily {
  return parseLive(text, { family: 'ipv4', dialect, file: 'live' })
}

/** How many changes it takes to get from what is live to what a policy says. */
function changes(policy: string, now: LiveFamily): number | undefined {
  return planFromPolicy(parsePolicy(policy), { ipv4: now }).plan?.families[0]?.changes.length
}

test.each(KINDS)('the ruleset %s has as many rules as it was asked for', (kind) => {
  for (const rules of [2, 3, 10, 51, 52, 53, 100, 1000, 1234, 10_000]) {
    expect(countRules(RULESETS[kind](rules))).toBe(rules)
  }
})

test.each(KINDS)('the ruleset %s is the same each time', (kind) => {
  expect(RULESETS[kind](500)).toEqual(RULESETS[kind](500))
})

test.each(KINDS)('YAML, JSON and iptables-save say the same of the ruleset %s', (kind) => {
  const ruleset = RULESETS[kind](300)
  const now = live(restoreText(ruleset))
  expect(now.diagnostics).toEqual([])
  expect(changes(policyYaml(ruleset), now)).toBe(0)
  expect(changes(policyJson(ruleset), now)).toBe(0)
})

test.each(KINDS)('the policy of the ruleset %s is laid out as fwctl fmt would', (kind) => {
  const text = policyYaml(RULESETS[kind](300))
  expect(formatPolicy(text).text).toBe(text)
})

test.each(KINDS)('calls and iptables-save say the same of the ruleset %s', (kind) => {
  const ruleset = RULESETS[kind](300)
  const rules = callLines(ruleset).replaceAll('\t', ' ').trimEnd().split('\n')
  const saved = restoreText(ruleset)
    .replaceAll('"', '')
    .matchAll(/^-A (.*)$/gm)
  expect(rules).toEqual([...saved].map(([, rule]) => rule))
})

const FORMS = (Object.keys(EDIT_FORMS) as EditForm[]).flatMap((form) =>
  KINDS.map(([kind]) => [form, kind as RulesetKind] as const),
)

test.each(FORMS)(
  'edits written as %s make what was meant of the ruleset %s, and back',
  (form, kind) => {
    const before = RULESETS[kind](120)
    const edits = editsOf(before, 10)
    const after = edited(before, edits)
    const there = run(live(restoreText(before)), EDIT_FORMS[form](before, edits), before)
    expect(changes(policyYaml(after), there)).toBe(0)
    expect(changes(policyYaml(before), there)).toBe(edits.length)
    const back = run(there, EDIT_FORMS[form](after, reversed(edits)), before)
    expect(changes(policyYaml(before), back)).toBe(0)
  },
)

function run(now: LiveFamily, text: string, { table, chains }: BenchRuleset): LiveFamily {
  const declared = chains.map(({ name }) => `:${name} - [0:0]`).join('\n')
  const readRule = (rule: string): Rule => {
    const dump = `*${table}\n${declared}\n:ONE - [0:0]\n-A ONE ${rule}\nCOMMIT\n`
    const one = live(dump).ruleset.tables[0]?.chains.find(({ name }) => name === 'ONE')
    return one?.rules[0] as Rule
  }
  return { ...now, ruleset: restore(now.ruleset, text, { backend: 'nft', readRule }) }
}

test('there are no more edits than rules', () => {
  expect(() => editsOf(RULESETS.mixed(10), 20)).toThrow('too few')
})
