import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compilePolicy } from '../../src/policy/compile.ts'
import { parseInstant } from '../../src/policy/expiry.ts'
import { parsePolicy } from '../../src/policy/parse.ts'

const NOW = new Date('2026-11-22T12:00:00Z')

function compile(expires: string, now: Date | null = NOW) {
  const rule = `{ name: guest, protocol: tcp, dport: 22, owner: team-web, ticket: 1234, expires: ${expires}, jump: ACCEPT }`
  const loaded = parsePolicy(
    `apiVersion: fwctl/v1\ntables: { filter: { chains: { INPUT: { rules: [${rule}] } } } }`,
  )
  if (loaded.policy === undefined) throw new Error('no policy')
  const dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] } as const
  const { desired, diagnostics } = compilePolicy(loaded.policy, {
    dialects: { ipv4: dialect },
    ...(now && { now }),
  })
  return {
    rules: desired.ipv4?.tables[0]?.chains[0]?.rules,
    codes: [...loaded.diagnostics, ...diagnostics].map((d) => [d.severity, d.code]),
  }
}

test.each([
  ['a year from now', '2027-11-22T12:00:00Z', 1, []],
  ['in a week and a second', '2026-11-29T12:00:01Z', 1, []],
  ['in a week', '2026-11-29T12:00:00Z', 1, [['warning', 'rule-expires-soon']]],
  ['in a second', '2026-11-22T12:00:01Z', 1, [['warning', 'rule-expires-soon']]],
  ['now', '2026-11-22T12:00:00Z', 0, [['info', 'rule-expired']]],
  ['now, elsewhere', '2026-11-22T14:30:00+02:30', 0, [['info', 'rule-expired']]],
  ['since midnight', '2026-11-22', 0, [['info', 'rule-expired']]],
])('a rule that expires %s', (_when, expires, rules, codes) => {
  const compiled = compile(expires)
  expect(compiled.rules).toHaveLength(rules)
  expect(compiled.codes).toEqual(codes)
})

test('without a clock no rule is over, so that compiling stays a function of the policy', () => {
  expect(compile('2020-01-01T00:00:00Z', null)).toMatchObject({ rules: [{}], codes: [] })
})

test('who answers for a rule, the ticket and the end travel with it', () => {
  expect(compile('2027-11-22T12:00:00Z').rules?.[0]?.origin).toMatchObject({
    name: 'guest',
    owner: 'team-web',
    ticket: '1234',
    expires: '2027-11-22T12:00:00Z',
  })
})

describe('what is no date is an error, and never a rule without an end:', () => {
  test.each([
    '2026-02-30T12:00:00Z',
    '2026-13-01',
    '2026-00-10',
    '2026-12-31T24:00:00Z',
    '2026-12-31T18:00Z',
    '2026-12-31T18:00:00',
    '"2026-12-31 18:00:00Z"',
    '2026-12-31T18:00:00+25:00',
    'tomorrow',
    '20261231',
    '""',
  ])('%s', (expires) => {
    const { rules, codes } = compile(expires)
    expect(rules).toBeUndefined()
    expect(codes.map(([severity]) => severity)).toContain('error')
  })
})

test('instants are read as JavaScript reads them', () => {
  const bounds = { min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z') }
  fc.assert(
    fc.property(fc.date({ ...bounds, noInvalidDate: true }), (date) => {
      const whole = new Date(Math.floor(date.getTime() / 1000) * 1000)
      expect(parseInstant(whole.toISOString())).toBe(whole.getTime())
    }),
  )
})

test('until the moment that a compiled policy names, the same comes out, and no longer', () => {
  const minute = 60_000
  const span = 20 * 24 * 60
  fc.assert(
    fc.property(fc.integer({ min: -span, max: span }), fc.nat(span), (minutes, later) => {
      const expires = new Date(NOW.getTime() + minutes * minute).toISOString()
      const at = (time: number) => {
        const { policy } = parsePolicy(POLICY_THAT_EXPIRES.replace('EXPIRES', expires))
        if (policy === undefined) throw new Error('no policy')
        const dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] } as const
        const options = { dialects: { ipv4: dialect }, now: new Date(time) }
        const { desired, diagnostics, sameUntil = 0 } = compilePolicy(policy, options)
        return { seen: JSON.stringify([desired, diagnostics]), sameUntil }
      }
      const { seen, sameUntil } = at(NOW.getTime())
      const time = NOW.getTime() + later * minute
      if (time <= sameUntil) expect(at(time).seen).toBe(seen)
      expect(at(Math.min(sameUntil, 8e15)).seen).toBe(seen)
    }),
    { numRuns: 200 },
  )
})

const POLICY_THAT_EXPIRES = `apiVersion: fwctl/v1
tables: { filter: { chains: { INPUT: { rules: [{ source: 10.0.0.1, expires: EXPIRES, jump: DROP }] } } } }
`
