/** The rulesets as policies of fwctl. */
import type { BenchRule, BenchRuleset } from '../rulesets/ruleset.ts'

/** Every value that a rule of a benchmark has. */
type Plain = string | readonly string[] | { readonly [key: string]: Plain }

const WIDTH = 100

/** YAML with a mapping for each rule, in the layout of `fwctl import` and `fwctl fmt`. */
export function policyYaml({ table, chains }: BenchRuleset): string {
  const lines = [
    'apiVersion: fwctl/v1',
    'metadata: { name: benchmark }',
    'families: [ipv4]',
    'tables:',
    `  ${table}:`,
    '    chains:',
  ]
  for (const { name, policy, rules } of chains) {
    lines.push(`      ${name}:${policy === undefined && rules.length === 0 ? ' {}' : ''}`)
    if (policy !== undefined) lines.push(`        policy: ${policy}`)
    if (rules.length > 0) lines.push('        rules:')
    for (const rule of rules) lines.push(...ruleLines(mapping(rule)))
  }
  return `${lines.join('\n')}\n`
}

export function policyJson({ table, chains }: BenchRuleset): string {
  const declared = chains.map(({ name, policy, rules }) => [
    name,
    {
      ...(policy !== undefined && { policy }),
      ...(rules.length > 0 && { rules: rules.map(mapping) }),
    },
  ])
  return JSON.stringify({
    apiVersion: 'fwctl/v1',
    metadata: { name: 'benchmark' },
    families: ['ipv4'],
    tables: { [table]: { chains: Object.fromEntries(declared) } },
  })
}

function mapping(rule: BenchRule): Readonly<Record<string, Plain>> {
  const { dport, ctstate, limit, probability } = rule
  return Object.fromEntries(
    Object.entries({
      source: rule.source,
      destination: rule.destination,
      'in-interface': rule.inInterface,
      'out-interface': rule.outInterface,
      protocol: rule.protocol,
      dport: dport?.length === 1 ? dport[0] : dport,
      ctstate: ctstate?.length === 1 ? ctstate[0] : ctstate,
      match: matches(limit, probability),
      name: rule.comment,
      jump: target(rule),
    }).filter((entry): entry is [string, Plain] => entry[1] !== undefined),
  )
}

function matches(limit: string | undefined, probability: string | undefined): Plain | undefined {
  if (limit !== undefined) return { limit: { limit } }
  if (probability !== undefined) return { statistic: { mode: 'random', probability } }
  return undefined
}

function target({ jump, dnat, orMark }: BenchRule): Plain | undefined {
  if (dnat !== undefined) return { DNAT: { 'to-destination': dnat } }
  if (orMark !== undefined) return { MARK: { 'set-xmark': `${orMark}/${orMark}` } }
  return jump
}

/** In one line where it fits. */
function ruleLines(rule: Readonly<Record<string, Plain>>): readonly string[] {
  const flow = `          - ${inFlow(rule)}`
  if (flow.length <= WIDTH) return [flow]
  return Object.entries(rule).map(
    ([key, value], i) => `${' '.repeat(10)}${i === 0 ? '-' : ' '} ${key}: ${inFlow(value)}`,
  )
}

function inFlow(value: Plain): string {
  if (typeof value === 'string') return scalar(value)
  if (Array.isArray(value)) return `[${value.map(inFlow).join(', ')}]`
  const entries = Object.entries(value).map(([key, inner]) => `${key}: ${inFlow(inner)}`)
  return `{ ${entries.join(', ')} }`
}

/** Ports are numbers to YAML, and so are they to fwctl; what YAML would take apart is quoted. */
function scalar(text: string): string {
  return /^!|[:,"]|^\d+\.\d+$/.test(text) ? JSON.stringify(text) : text
}
