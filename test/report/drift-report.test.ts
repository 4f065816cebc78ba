import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { claim } from '../../src/plan/claim.ts'
import { type Drift, findDrift } from '../../src/plan/drift.ts'
import { DEFAULT_OWNERSHIP } from '../../src/policy/policy.ts'
import { DRIFT_REPORTS } from '../../src/report/drift-report.ts'
import { PLAN_REPORTS } from '../../src/report/plan-report.ts'
import type { Dialect } from '../../src/ruleset/model.ts'
import { chain, fullTable, ruleset, table } from '../plan/rulesets.ts'
import { samplePlan } from './sample-plan.ts'

const plain = { colour: false }
const dialect: Dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] }

/** Every kind of change that somebody can make, and every answer of the policy. */
function sampleDrift(): Drift {
  const desired = ruleset(
    table(
      'filter',
      chain(
        'INPUT',
        ['-i lo', '-s 1 -p tcp -j ACCEPT', '-s 2 -j LOG', '-s 3 -j web', '-s 4 -j DROP'],
        {
          policy: 'DROP',
        },
      ),
      chain('web', ['-j ACCEPT']),
      chain('old', ['-j DROP']),
      chain('gone', ['-s 9 -j DROP']),
    ),
  )
  const live = ruleset(
    fullTable(
      'filter',
      chain(
        'INPUT',
        [
          '[12:720] -s 6 -m comment --comment "evil \u001b[2K" -j ACCEPT',
          '-i lo',
          '[3:180] -s 1 -p udp -j ACCEPT',
          '-s 4 -j DROP',
          '-s 3 -j web',
        ],
        { policy: 'ACCEPT' },
      ),
      chain('web', []),
      chain('old', ['-j ACCEPT']),
    ),
  )
  const policy = ruleset(
    table(
      'filter',
      chain(
        'INPUT',
        ['-i lo', '-s 1 -p sctp -j ACCEPT', '-s 3 -j web', '-s 4 -j DROP', '-s 7 -j DROP'],
        {
          policy: 'DROP',
        },
      ),
      chain('web', ['-j ACCEPT']),
      chain('gone', ['-s 9 -j DROP']),
    ),
  )
  const ownership = DEFAULT_OWNERSHIP
  return {
    since: '2026-11-22T18:00:00.123Z',
    by: 'root, apply fwctl.yaml',
    families: [
      findDrift({
        live,
        dialect,
        baseline: { desired, ownership },
        policy: { ...claim({ desired: policy, live, ownership }), ownership },
      }),
    ],
  }
}

const NONE: Drift = {
  since: '2026-11-22T18:00:00.123Z',
  families: [{ family: 'ipv4', dialect, items: [], policyChanges: [] }],
}

describe.each(Object.entries(DRIFT_REPORTS))('as %s', (format, report) => {
  test('a drift with all that can happen reads as it always did', async () => {
    await expect(report(sampleDrift(), plain)).toMatchFileSnapshot(`golden/drift.${format}`)
  })

  test('no drift reads as it always did', async () => {
    await expect(report(NONE, plain)).toMatchFileSnapshot(`golden/no-drift.${format}`)
  })

  test('no control character of a rule reaches the reader', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
    expect(report(sampleDrift(), plain)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  })
})

test.each([
  ['a drift', 'drift', () => DRIFT_REPORTS.json(sampleDrift(), plain)],
  ['no drift', 'drift', () => DRIFT_REPORTS.json(NONE, plain)],
  [
    'a plan with drift',
    'plan',
    () => PLAN_REPORTS.json({ ...samplePlan(), drift: sampleDrift() }, plain),
  ],
])('the JSON of %s fits the published schema', (_what, name, print) => {
  const schema = JSON.parse(readFileSync(`schemas/${name}.schema.json`, 'utf8'))
  const validate = new Ajv2020({ allErrors: true, strict: true }).compile(schema)
  validate(JSON.parse(print()))
  expect(validate.errors).toBeNull()
})

test('a plan shows drift as a section of its own, before what apply will do', () => {
  const text = PLAN_REPORTS.text({ ...samplePlan(), drift: sampleDrift() }, plain)
  expect(text).toMatch(
    /^Changed outside of fwctl since 2026-11-22T18:00:00Z \(root, apply fwctl\.yaml\):\n/,
  )
  expect(text.indexOf('What apply will do:')).toBeGreaterThan(0)
  expect(PLAN_REPORTS.text({ ...samplePlan(), drift: NONE }, plain)).toBe(
    PLAN_REPORTS.text(samplePlan(), plain),
  )
  const markdown = PLAN_REPORTS.markdown({ ...samplePlan(), drift: sampleDrift() }, plain)
  expect(markdown).toContain('**Changed outside of fwctl since')
})

test('lines fit the terminal', () => {
  for (const line of DRIFT_REPORTS.text(sampleDrift(), { colour: false, width: 60 }).split('\n')) {
    if (!/^(Drift|The policy|Changed)/.test(line)) expect(line.length).toBeLessThanOrEqual(60)
  }
})
