import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { parseSets } from '../../src/ipset/save.ts'
import { planFromPolicy } from '../../src/plan/from-policy.ts'
import type { Plan } from '../../src/plan/plan.ts'
import { parsePolicy } from '../../src/policy/parse.ts'
import { PLAN_REPORTS } from '../../src/report/plan-report.ts'

const many = Array.from({ length: 40 }, (_, i) => `10.1.0.${i}`)
const LIVE = `create edited hash:ip family inet maxelem 65536 comment
add edited 10.0.0.1 comment "evil \u001b[2K x"
add edited 10.0.0.2
create anew hash:ip family inet maxelem 65536
add anew 10.0.0.1
create large hash:ip family inet maxelem 65536
${many.map((address) => `add large ${address}\n`).join('')}create gone hash:net family inet
add gone 192.0.2.0/24
`

function samplePlan(): Plan {
  const text = `apiVersion: fwctl/v1
sets:
  edited: { type: hash:ip, comment: true, entries: [10.0.0.2, 10.0.0.3, { entry: 10.0.0.1, comment: good }] }
  anew: { type: hash:ip, counters: true, timeout: 60, entries: [10.0.0.1] }
  large: { type: hash:ip, entries: [10.2.0.0/27] }
  new: { type: hash:net, family: inet6, entries: ["2001:db8::/32"] }
  filled: { type: hash:ip }
`
  const { plan } = planFromPolicy(
    parsePolicy(text, { file: 'fwctl.yaml' }),
    {},
    {
      sets: parseSets(LIVE, () => true).sets,
      madeSets: ['gone'],
    },
  )
  if (plan === undefined) throw new Error('no plan')
  return plan
}

describe.each(Object.entries(PLAN_REPORTS))('as %s', (format, report) => {
  test('changes of sets read as they always did', async () => {
    const text = report(samplePlan(), { colour: false })
    expect(text.includes('\u001b')).toBe(false)
    await expect(text).toMatchFileSnapshot(`golden/sets.${format}`)
  })
})

test('the JSON of a plan with sets is what its schema says', () => {
  const schema = JSON.parse(readFileSync('schemas/plan.schema.json', 'utf8'))
  const validate = new Ajv2020({ strict: true, strictTypes: false }).compile(schema)
  validate(JSON.parse(PLAN_REPORTS.json(samplePlan(), { colour: false })))
  expect(validate.errors).toBeNull()
})
