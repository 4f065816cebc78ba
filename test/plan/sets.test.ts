import { describe, expect, test } from 'vitest'
import { digest } from '../../src/base/digest.ts'
import { parseSets } from '../../src/ipset/save.ts'
import type { LiveSets } from '../../src/ipset/set.ts'
import { parseSave } from '../../src/iptables/save.ts'
import { planFromPolicy } from '../../src/plan/from-policy.ts'
import { isEmptyPlan, type Plan } from '../../src/plan/plan.ts'
import { planFromSaved, readSavedPlan, serialisePlan } from '../../src/plan/saved.ts'
import { parsePolicy } from '../../src/policy/parse.ts'
import type { Dialect } from '../../src/ruleset/model.ts'

const dialect: Dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] }

function liveSets(text: string, references: Readonly<Record<string, number>> = {}): LiveSets {
  const { sets } = parseSets(text, () => true)
  return new Map(
    [...sets].map(([name, set]) => [name, { ...set, references: references[name] ?? 0 }]),
  )
}

interface Host {
  readonly rules?: string
  readonly sets?: LiveSets
  readonly made?: readonly string[]
}

function plan(sets: string, { rules = '', sets: live = new Map(), made = [] }: Host = {}): Plan {
  const text = `apiVersion: fwctl/v1\nfamilies: [ipv4]\nsets: ${sets}\ntables: { filter: { chains: { INPUT: { rules: [${rules}] } } } }\n`
  const { plan: made_, diagnostics } = planFromPolicy(
    parsePolicy(text, { file: 'fwctl.yaml' }),
    states(),
    { sets: live, madeSets: made },
  )
  if (made_ === undefined) throw new Error(JSON.stringify(diagnostics))
  return made_
}

function states(rules = ''): Parameters<typeof planFromPolicy>[1] {
  const text = `*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n${rules}COMMIT\n`
  return { ipv4: { ruleset: parseSave(text, { family: 'ipv4', dialect }).ruleset, dialect } }
}

const ONE = '{ a: { type: hash:ip, entries: [10.0.0.1] } }'

describe('a saved plan', () => {
  test('with sets is, read again, the plan that was made', () => {
    const made = plan(
      '{ a: { type: "hash:ip,port", entries: [{ entry: "10.0.0.1,udp:53", comment: "x y" }] } }',
      {
        sets: liveSets('create old hash:ip\n'),
        made: ['old'],
      },
    )
    const text = serialisePlan(made)
    const again = planFromSaved(readSavedPlan(text), states(), liveSets('create old hash:ip\n'))
    expect(again.sets?.changes.map((change) => [change.kind, change.name])).toEqual([
      ['set-add', 'a'],
      ['set-remove', 'old'],
    ])
    expect(serialisePlan(again)).toBe(text)
    expect(again.sets?.goals[0]?.origin).toEqual({ file: 'fwctl.yaml', line: 3, column: 9 })
  })

  test('is stale when the sets are others by now, and is not when they only counted', () => {
    const counted = (n: number): LiveSets =>
      liveSets(`create a hash:ip counters\nadd a 10.0.0.9 packets ${n} bytes ${n}\n`)
    const goal = '{ a: { type: hash:ip, counters: true, entries: [10.0.0.1] } }'
    const saved = readSavedPlan(serialisePlan(plan(goal, { sets: counted(1) })))
    expect(planFromSaved(saved, states(), counted(2)).sets?.changes).toHaveLength(1)
    for (const other of [liveSets(''), liveSets('create a hash:ip counters\nadd a 10.0.0.8\n')]) {
      expect(() => planFromSaved(saved, states(), other)).toThrow(
        expect.objectContaining({ code: 'stale-plan' }),
      )
    }
  })

  test.each([
    [
      'an entry that reads otherwise',
      (text: string) => text.replace('add a 10.0.0.1', 'add a 10.0.0.01'),
    ],
    [
      'a second command',
      (text: string) => text.replace('add a 10.0.0.1', 'add a 10.0.0.1\\nflush b'),
    ],
    [
      'an option of ipset',
      (text: string) => text.replace('add a 10.0.0.1', 'add a 10.0.0.1 -exist'),
    ],
    ['another set', (text: string) => text.replace('create a', 'create a hash:ip\\ncreate b')],
    ['a temporary name', (text: string) => text.replace('create a', 'create fwctl-tmp-a')],
    [
      'the removal of what fwctl can not have made',
      (text: string) => text.replace('"removals": []', '"removals": ["a b"]'),
    ],
  ])('with %s is not trusted, whoever took its digest anew', (_, tamper) => {
    const text = tamper(serialisePlan(plan(ONE)))
    const { digest: _stated, ...body } = JSON.parse(text)
    const forged = JSON.stringify({ ...body, digest: digest(JSON.stringify(body)) })
    expect(text).not.toBe(serialisePlan(plan(ONE)))
    expect(() => readSavedPlan(forged)).toThrow(expect.objectContaining({ code: 'untrusted-file' }))
  })
})

describe('a set that fwctl made and nobody declares', () => {
  const old = 'create old hash:ip\n'
  test('goes when nobody uses it', () => {
    const { sets } = plan(ONE, { sets: liveSets(old), made: ['old'] })
    expect(sets?.removals).toEqual(['old'])
  })

  test('stays when others use it, with a word to the operator', () => {
    const made = plan('{}', { sets: liveSets(old, { old: 1 }), made: ['old'] })
    expect(isEmptyPlan(made)).toBe(true)
    expect(made.diagnostics).toMatchObject([{ code: 'set-in-use', severity: 'warning' }])
  })

  test('goes with the list that held it', () => {
    const live = liveSets(`${old}create l list:set\nadd l old\n`, { old: 1 })
    expect(plan('{}', { sets: live, made: ['old', 'l'] }).sets?.removals).toEqual(['old', 'l'])
    expect(plan('{}', { sets: live, made: ['old'] }).sets?.removals).toEqual([])
  })

  test('is not taken for one of somebody else', () => {
    expect(plan('{}', { sets: liveSets(old) }).sets?.changes).toEqual([])
  })
})

test('a set in use that would become one of another kind is refused before anything happens', () => {
  const live = (references: number): LiveSets => liveSets('create a hash:net\n', { a: references })
  expect(() => plan(ONE, { sets: live(1) })).toThrow(expect.objectContaining({ code: 'refused' }))
  expect(plan(ONE, { sets: live(0) }).sets?.changes).toMatchObject([{ swaps: false }])
})

test('a set that is nowhere is an error at the rule that uses it', () => {
  const rule = '{ match: { set: { match-set: gone src } }, jump: DROP }'
  expect(() => plan(ONE, { rules: rule })).toThrow('neither the policy nor the host has a set')
  expect(
    plan(ONE, { rules: rule, sets: liveSets('create gone hash:ip\n') }).summary['rule-add'],
  ).toBe(1)
})
