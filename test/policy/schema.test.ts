import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { validate } from '../../src/policy/validator.generated.js'

type Schema = { readonly [key: string]: unknown }

const PATH = join(import.meta.dirname, '../../schemas/policy.schema.json')
const published = JSON.parse(readFileSync(PATH, 'utf8')) as Schema

/** Every schema that describes a key, under its JSON pointer. */
function keys(schema: Schema, pointer: string): [string, Schema][] {
  const below = (keyword: string): [string, Schema][] =>
    Object.entries((schema[keyword] ?? {}) as Readonly<Record<string, Schema>>).map(
      ([name, inner]) => [`${pointer}/${keyword}/${name}`, inner],
    )
  const single = ['items', 'additionalProperties']
    .filter((keyword) => typeof schema[keyword] === 'object')
    .map((keyword): [string, Schema] => [`${pointer}/${keyword}`, schema[keyword] as Schema])
  const named = [...below('properties'), ...below('$defs')]
  return [
    ...named,
    ...[...named, ...single, ...below('anyOf')].flatMap(([path, inner]) => keys(inner, path)),
  ]
}

describe('the published schema', () => {
  const described = keys(published, '#').filter(([, schema]) => schema.$ref === undefined)

  test('says of every key what it is, with an example', () => {
    const lacking = described.filter(
      ([, { description, examples }]) =>
        !description || !Array.isArray(examples) || examples.length === 0,
    )
    expect(lacking.map(([path]) => path)).toEqual([])
    expect(described.length).toBeGreaterThan(100)
  })

  test('has examples that it accepts', () => {
    const ajv = new Ajv2020({ strict: false }).addSchema(published, 'policy')
    const refused = described.flatMap(([pointer, { examples }]) => {
      const accepts = ajv.compile({ $ref: `policy${pointer}` })
      return (examples as unknown[]).filter((e) => !accepts(e)).map((e) => [pointer, e])
    })
    expect(refused).toEqual([])
  })

  test('accepts what the compiled validator accepts', () => {
    const ajv = new Ajv2020({ strict: false })
    const accepts = ajv.compile(published)
    const policies = [
      { apiVersion: 'fwctl/v1' },
      {
        apiVersion: 'fwctl/v1',
        tables: {
          filter: { chains: { INPUT: { policy: 'DROP', rules: ['-j DROP', { jump: 'DROP' }] } } },
        },
      },
      {
        apiVersion: 'fwctl/v1',
        tables: {
          filter: {
            chains: {
              INPUT: {
                rules: [
                  {
                    protocol: ['tcp', 17],
                    dport: [1, '2:3'],
                    match: { limit: { limit: '1/s' } },
                    jump: { LOG: { 'log-prefix': 'x' } },
                  },
                ],
              },
            },
          },
        },
      },
      {
        apiVersion: 'fwctl/v1',
        tables: {
          filter: {
            chains: {
              INPUT: {
                rules: [{ match: [{ mark: { mark: 1 } }], ctstate: '! NEW', 'icmp-type': 8 }],
              },
            },
          },
        },
      },
      { apiVersion: 'fwctl/v2' },
      { apiVersion: 'fwctl/v1', tables: [] },
      { apiVersion: 'fwctl/v1', tables: { filter: { chains: { INPUT: { policy: 'REJECT' } } } } },
      {
        apiVersion: 'fwctl/v1',
        tables: { filter: { chains: { INPUT: { rules: [{ dport: {} }] } } } },
      },
      {
        apiVersion: 'fwctl/v1',
        tables: { filter: { chains: { INPUT: { rules: [{ ctstate: {} }] } } } },
      },
      {
        apiVersion: 'fwctl/v1',
        tables: { filter: { chains: { INPUT: { rules: [{ jump: { A: {}, B: {} } }] } } } },
      },
    ]
    expect(policies.map((p) => accepts(p))).toEqual(policies.map((p) => validate(p)))
  })

  test('refuses an unknown option of a match, for editors', () => {
    const accepts = new Ajv2020({ strict: false }).compile(published)
    const rule = (options: object) => ({
      apiVersion: 'fwctl/v1',
      tables: { filter: { chains: { A: { rules: [{ match: { limit: options } }] } } } },
    })
    expect(accepts(rule({ limit: '1/s' }))).toBe(true)
    expect(accepts(rule({ limt: '1/s' }))).toBe(false)
  })
})
