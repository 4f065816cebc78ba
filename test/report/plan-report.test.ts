import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { applyPatch, parsePatch } from 'diff'
import { describe, expect, test } from 'vitest'
import { makePlan } from '../../src/plan/plan.ts'
import { stateText } from '../../src/plan/state.ts'
import { PLAN_REPORTS, type PlanFormat } from '../../src/report/plan-report.ts'
import { chain, fullTable, ruleset } from '../plan/rulesets.ts'
import { emptyPlan, samplePlan } from './sample-plan.ts'

const plain = { colour: false }

describe.each(Object.entries(PLAN_REPORTS))('as %s', (format, report) => {
  test('a plan with every kind of change reads as it always did', async () => {
    await expect(report(samplePlan(), plain)).toMatchFileSnapshot(`golden/plan.${format}`)
  })

  test('a plan without changes reads as it always did', async () => {
    await expect(report(emptyPlan(), plain)).toMatchFileSnapshot(`golden/empty.${format}`)
  })

  test('no control character of a rule reaches the reader', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
    expect(report(samplePlan(), plain)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  })
})

const text = PLAN_REPORTS.text

test('the last line sums up, whatever the plan', () => {
  expect(lastLine(text(samplePlan(), plain))).toBe(
    'Plan: 2 to add, 1 to change, 3 to remove, 2 to move, 1 chain to add, 1 chain to remove, 1 chain policy.',
  )
  expect(lastLine(text(emptyPlan(), plain))).toBe('No changes.')
})

test('colour only adds colour', () => {
  const coloured = text(samplePlan(), { colour: true })
  expect(coloured).toContain('\u001b[32m')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
  expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(text(samplePlan(), plain))
})

test('lines fit the terminal, and lose nothing', () => {
  const narrow = text(samplePlan(), { colour: false, width: 60 })
  const [summary, ...lines] = narrow.trimEnd().split('\n').reverse()
  expect(summary).toMatch(/^Plan: /)
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(60)
  const words = (value: string): string[] => value.split(/\s+/)
  expect(words(narrow)).toEqual(words(text(samplePlan(), plain)))
})

test('an IPv6 rule on nft is said to lose its counters, because ip6tables-nft can not set them', () => {
  expect(text(samplePlan(), plain)).toContain('loses 4 packets, 40 bytes')
})

test.each(['plan', 'empty'])('the JSON of the %s fits the published schema', (which) => {
  const plan = which === 'plan' ? samplePlan() : emptyPlan()
  const schema = JSON.parse(readFileSync('schemas/plan.schema.json', 'utf8'))
  const validate = new Ajv2020({ allErrors: true, strict: true }).compile(schema)
  const value = JSON.parse(PLAN_REPORTS.json(plan, plain))
  validate(value)
  expect(validate.errors).toBeNull()
  expect(value.changes).toHaveLength(plan.families.flatMap((family) => family.changes).length)
})

test('every key of the schemas is described', () => {
  for (const name of ['plan', 'drift', 'diagnostics']) {
    const schema = JSON.parse(readFileSync(`schemas/${name}.schema.json`, 'utf8'))
    expect(undescribed(schema, name)).toEqual([])
  }
})

test('the unified diff turns the live text into the target text', () => {
  const live = ruleset(fullTable('filter', chain('INPUT', ['-s 1', '-s 2', '-s 3'])))
  const target = ruleset(
    fullTable('filter', chain('INPUT', ['-s 1', '-s 4', '-s 3', '-s 5']), chain('B')),
  )
  const dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] } as const
  const patch = PLAN_REPORTS.diff(makePlan({ families: [{ dialect, live, target }] }), plain)
  expect(parsePatch(patch).map((one) => one.oldFileName)).toEqual(['live/ipv4/filter'])
  expect(applyPatch(stateText(live), patch)).toBe(stateText(target))
})

test('a table that differs beyond measure is shown as replaced, in bounded time', () => {
  const lines = Array.from({ length: 6000 }, (_, index) => `-s ${index}`)
  const live = ruleset(fullTable('filter', chain('INPUT', lines)))
  const target = ruleset(fullTable('filter', chain('INPUT', lines.toReversed())))
  const dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] } as const
  const patch = PLAN_REPORTS.diff(makePlan({ families: [{ dialect, live, target }] }), plain)
  expect(applyPatch(stateText(live), patch)).toBe(stateText(target))
}, 20_000)

test('every format has a name that the command line can take', () => {
  const formats: readonly PlanFormat[] = ['text', 'json', 'markdown', 'diff']
  expect(Object.keys(PLAN_REPORTS)).toEqual(formats)
})

function lastLine(value: string): string | undefined {
  return value.trimEnd().split('\n').at(-1)
}

/** Paths of `properties` entries without a description of their own or behind a `$ref`. */
function undescribed(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const { properties } = schema as { properties?: Record<string, Record<string, unknown>> }
  const missing = Object.entries(properties ?? {})
    .filter(
      ([, value]) =>
        !('description' in value || '$ref' in value || 'const' in value || 'enum' in value),
    )
    .map(([key]) => `${path}.${key}`)
  return [
    ...missing,
    ...Object.entries(schema).flatMap(([key, value]) => undescribed(value, `${path}.${key}`)),
  ]
}
