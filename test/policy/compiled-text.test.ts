import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BUILTIN_NAMES } from '../../src/extensions/builtin-names.ts'
import { whyUnfaithful } from '../../src/iptables/faithful.ts'
import { type CompiledPolicy, compilePolicy } from '../../src/policy/compile.ts'
import { compiledText, readCompiledText } from '../../src/policy/compiled-text.ts'
import { diskFiles } from '../../src/policy/files.ts'
import { loadPolicy } from '../../src/policy/load.ts'
import { parsePolicy } from '../../src/policy/parse.ts'
import type { Backend, Dialect, Family, Rule } from '../../src/ruleset/model.ts'
import { arbitraryPolicy } from './arbitrary-policy.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples')
const NAMES = readdirSync(EXAMPLES, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
)

function dialects(backend: Backend): Readonly<Record<Family, Dialect>> {
  const version = [1, 8, 9] as const
  return {
    ipv4: { family: 'ipv4', backend, version },
    ipv6: { family: 'ipv6', backend, version },
  }
}

/** Through the text and back, as if it came from another run. */
function throughText(compiled: CompiledPolicy, backend: Backend): CompiledPolicy {
  const text = compiledText(compiled)
  if (text === undefined) throw new Error('it has no text')
  const head = JSON.parse(JSON.stringify(text.head)) as typeof text.head
  const context = { dialects: dialects(backend), names: BUILTIN_NAMES }
  return readCompiledText({ head, rules: text.rules, origins: () => text.origins }, context)
}

/** Everything that a rule can be asked. */
function told(compiled: CompiledPolicy): unknown {
  const rule = ({ text, key, spec, origin, counters }: Rule): unknown => ({
    text,
    key,
    spec,
    origin,
    counters,
  })
  return {
    ...compiled,
    desired: Object.values(compiled.desired).map(({ family, tables }) => ({
      family,
      tables: tables.map(({ name, chains }) => ({
        name,
        chains: chains.map((chain) => ({ ...chain, rules: chain.rules.map(rule) })),
      })),
    })),
  }
}

describe.each(['nft', 'legacy'] as const)('on %s', (backend) => {
  test.each(NAMES)('the example %s is the same when it comes back from its text', (name) => {
    const { policy } = loadPolicy(join(EXAMPLES, name, 'policy.yaml'), { files: diskFiles })
    if (policy === undefined) throw new Error('the example can not be read')
    const compiled = compilePolicy(policy, { dialects: dialects(backend) })
    expect(told(throughText(compiled, backend))).toEqual(told(compiled))
  })

  test('so is any policy, and none of its rules means something else than it says', () => {
    fc.assert(
      fc.property(arbitraryPolicy(), (text) => {
        const { policy } = parsePolicy(text)
        if (policy === undefined) return
        const compiled = compilePolicy(policy, { dialects: dialects(backend) })
        expect(told(throughText(compiled, backend))).toEqual(told(compiled))
        for (const { family, tables } of Object.values(compiled.desired)) {
          const rules = tables.flatMap((table) => table.chains.flatMap((chain) => chain.rules))
          const dialect = dialects(backend)[family]
          for (const rule of rules) expect(whyUnfaithful(rule, { dialect })).toBeUndefined()
        }
      }),
      { numRuns: 150 },
    )
  })
})

test('nothing is read of a rule before it is asked', () => {
  const { policy } = parsePolicy(`apiVersion: fwctl/v1
tables: { filter: { chains: { INPUT: { rules: [{ source: 10.0.0.1, jump: ACCEPT }] } } } }
`)
  if (policy === undefined) throw new Error('no policy')
  const { head, rules } = compiledText(compilePolicy(policy, { dialects: dialects('nft') })) ?? {}
  if (head === undefined || rules === undefined) throw new Error('no text')
  let asked = 0
  const context = { dialects: dialects('nft'), names: BUILTIN_NAMES }
  const origins = (): string => {
    asked++
    return '{"file":"x","line":1,"column":1}'
  }
  const back = readCompiledText({ head, rules, origins }, context)
  const rule = back.desired.ipv4?.tables[0]?.chains[0]?.rules[0]
  expect(rule?.text).toBe('-s 10.0.0.1/32 -j ACCEPT')
  expect(asked).toBe(0)
  expect(rule?.origin?.file).toBe('x')
  expect(rule?.spec.source?.value).toBe('10.0.0.1/32')
  expect(asked).toBe(1)
})

/** A policy of so many rules, compiled, kept and read again. */
function keptRules(count: number, last = ''): readonly Rule[] {
  const rule = (index: number): string =>
    `{ source: 10.0.${index >> 8}.${index & 255}, jump: DROP${index === count - 1 ? last : ''} }`
  const rules = Array.from({ length: count }, (_, index) => `\n          - ${rule(index)}`).join('')
  const { policy } = parsePolicy(
    `apiVersion: fwctl/v1\nfamilies: [ipv4]\ntables:\n  filter:\n    chains:\n      INPUT:\n        rules:${rules}\n`,
  )
  if (policy === undefined) throw new Error('no policy')
  const back = throughText(compilePolicy(policy, { dialects: dialects('nft') }), 'nft')
  return back.desired.ipv4?.tables[0]?.chains[0]?.rules ?? []
}

test('where a rule is from is told of one as of all of them, in any order', () => {
  const lines = keptRules(300)
    .toReversed()
    .map((rule) => rule.origin?.line)
  expect(lines).toEqual(Array.from({ length: 300 }, (_, index) => 8 + 299 - index))
})

test('rules are known to last only where none of them expires', () => {
  expect(keptRules(3).every((rule) => rule.isLasting)).toBe(true)
  const expiring = keptRules(3, ', expires: 2099-01-01T00:00:00Z')
  expect(expiring.some((rule) => rule.isLasting)).toBe(false)
  expect(expiring.at(-1)?.origin?.expires).toBe('2099-01-01T00:00:00Z')
})
