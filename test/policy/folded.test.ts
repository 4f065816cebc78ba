import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rulesOf } from '../../src/ipset/references.ts'
import { type CompiledPolicy, compilePolicy } from '../../src/policy/compile.ts'
import { FilledRule } from '../../src/policy/filled-rule.ts'
import { startFolding } from '../../src/policy/folded-rule.ts'
import { parsePolicy } from '../../src/policy/parse.ts'
import { readPlainJson } from '../../src/policy/plain-json.ts'
import { readPlainYaml } from '../../src/policy/plain-yaml.ts'
import { FOLDED_LENGTH } from '../../src/policy/sources.ts'
import type { Backend, Dialect, Rule } from '../../src/ruleset/model.ts'
import {
  ANY,
  arbitraryPlainPolicy,
  GOOD,
  policyJson,
  policyOfTexts,
  policyYaml,
  TEXTS,
} from './arbitrary-forms.ts'

/** Only where there is much to read, rules are folded. */
const LONG = ' '.repeat(FOLDED_LENGTH)

const VERSIONS = [[1, 8, 7] as const, [1, 8, 9] as const, [1, 8, 11] as const]

/** All that can be known of what a text comes to. */
function outcome(text: string, backend: Backend, version: Dialect['version']) {
  const dialects = {
    ipv4: { family: 'ipv4', backend, version },
    ipv6: { family: 'ipv6', backend, version },
  } as const
  const { policy, diagnostics } = parsePolicy(text)
  const now = new Date('2026-11-22T12:00:00Z')
  const compiled = policy && compilePolicy(policy, { dialects, now })
  const rules = Object.values(compiled?.desired ?? {}).flatMap(rulesOf)
  const filled = rules.filter((rule) => rule instanceof FilledRule).length
  return { filled, all: { diagnostics, compiled: compiled && told(compiled) } }
}

function told(compiled: CompiledPolicy): unknown {
  const rule = ({ text, key, spec, origin, counters }: Rule): unknown => {
    return { text, key, spec, origin, counters }
  }
  const rulesets = Object.values(compiled.desired).map(({ family, tables }) => ({
    family,
    tables: tables.map(({ name, chains }) => ({
      name,
      chains: chains.map((chain) => ({ ...chain, rules: chain.rules.map(rule) })),
    })),
  }))
  return { ...compiled, desired: rulesets }
}

describe.each([
  ['nft', 'fine', GOOD, 120],
  ['legacy', 'fine', GOOD, 60],
  ['nft', 'wrong', ANY, 120],
] as const)('on %s, where all is %s,', (backend, state, choices, numRuns) => {
  test('rules that are folded come to the same as rules that are not', () => {
    let filled = 0
    fc.assert(
      fc.property(arbitraryPlainPolicy(choices), fc.constantFrom(...VERSIONS), (plain, version) => {
        const yaml = `${policyYaml(plain)}#${LONG}`
        const folded = outcome(yaml, backend, version)
        filled += folded.filled
        // An anchor leaves the text to `yaml`, and an escape leaves rules as they are.
        const whole = outcome(yaml.replace('FOLDED', '&x FOLDED'), backend, version)
        expect(whole.filled).toBe(0)
        expect(folded.all).toEqual(whole.all)
        const json = `${policyJson(plain, 1)}${LONG}`
        const escaped = json.replace('FOLDED', '\\u0046OLDED')
        expect(outcome(json, backend, version).all).toEqual(outcome(escaped, backend, version).all)
      }),
      { numRuns },
    )
    if (state === 'fine') expect(filled).toBeGreaterThan(numRuns / 2)
  })
})

describe.each([
  ['nft', 'fine', TEXTS, 120],
  ['legacy', 'fine', TEXTS, 40],
  ['nft', 'wrong', ANY, 120],
] as const)('on %s, where all is %s,', (backend, state, choices, numRuns) => {
  test('texts that are folded come to the same as texts that are not', () => {
    let filled = 0
    fc.assert(
      fc.property(arbitraryPlainPolicy(choices), fc.constantFrom(...VERSIONS), (plain, version) => {
        const folded = outcome(policyOfTexts(plain, '-j RETURN'), backend, version)
        const whole = outcome(policyOfTexts(plain, '{jump: RETURN}'), backend, version)
        filled += folded.filled
        expect(folded.all).toEqual(whole.all)
      }),
      { numRuns },
    )
    if (state === 'fine') expect(filled).toBeGreaterThan(numRuns / 2)
  })
})

test('a folded rule is read again as it was read first', () => {
  fc.assert(
    fc.property(arbitraryPlainPolicy(ANY), (plain) => {
      const readers = [
        [readPlainYaml, policyYaml(plain)],
        [readPlainJson, policyJson(plain)],
        [readPlainJson, policyJson(plain, 2)],
      ] as const
      for (const [read, text] of readers) {
        const fold = startFolding()
        read(text, 'p', (rule, offset, source) => {
          expect(source.readRule(source.text, offset, rule.at)).toEqual(rule)
          const { at, entries } = fold(rule, offset, source) as typeof rule
          expect({ kind: 'map', at, entries }).toEqual(rule)
          return rule
        })
      }
    }),
    { numRuns: 50 },
  )
})
