/**
 * Types random rules into a real kernel and compares what it saves with what fwctl says it saves.
 */
import { findMatch, findTarget } from '../../src/extensions/catalogue.ts'
import type { Names } from '../../src/extensions/names.ts'
import { parseRule } from '../../src/iptables/parse-rule.ts'
import { makeRule } from '../../src/iptables/rule.ts'
import { parseSave } from '../../src/iptables/save.ts'
import { quoteWord } from '../../src/iptables/tokenise.ts'
import { BUILTIN_CHAINS, type Hook } from '../../src/ruleset/hooks.ts'
import type { Dialect, Rule, RuleSpec } from '../../src/ruleset/model.ts'
import type { Scratch } from '../e2e/namespace.ts'
import { type GeneratedRule, generateRule, seededRandom } from './rule.ts'

export interface Difference {
  /** `key`: fwctl takes the rules for different; `text`: same key, another spelling. */
  readonly kind: 'key' | 'text' | 'refused-by-kernel' | 'refused-by-fwctl'
  readonly typed: string
  readonly expected: string
  readonly saved: string
}

export interface Campaign {
  readonly scratch: Scratch
  readonly dialect: Dialect
  readonly names: Names
  readonly rules: number
  readonly seed: number
  readonly only?: string
  /** Also types rules that fwctl refuses: how many the kernel would have taken. */
  readonly refused?: number
}

export interface CampaignResult {
  readonly compared: number
  readonly differences: readonly Difference[]
}

interface Typed extends GeneratedRule {
  readonly expected: Rule
}

const CHUNK = 400

/** Rules in chunks: typed, loaded, saved, compared. */
export async function compareWithKernel(campaign: Campaign): Promise<CampaignResult> {
  const { dialect, names, rules, seed, only } = campaign
  const random = seededRandom(seed)
  const differences: Difference[] = []
  const refused: GeneratedRule[] = []
  let compared = 0
  while (compared < rules) {
    const chunk: Typed[] = []
    for (let tries = 0; chunk.length < Math.min(CHUNK, rules - compared); tries++) {
      if (tries > 100 * CHUNK) throw new Error('the generator finds no valid rule')
      const rule = generateRule({ random, dialect, names, ...(only !== undefined && { only }) })
      const { specs, problems, cautions } = parseRule(rule.words, { dialect, names })
      if (problems.length > 0) refused.push(rule)
      if (specs.length !== 1 || cautions.length > 0) continue
      if (!fitsHook(specs[0] as RuleSpec, rule.chain, dialect)) continue
      chunk.push({ ...rule, expected: makeRule(specs[0] as RuleSpec, { dialect, names }) })
    }
    differences.push(...(await compareChunk(campaign, chunk)))
    compared += chunk.length
  }
  for (const rule of refused.slice(0, campaign.refused ?? 0)) {
    const message = parseRule(rule.words, { dialect, names }).problems[0]?.message ?? ''
    if ((await load(campaign, [rule])) === undefined) {
      differences.push({
        kind: 'refused-by-fwctl',
        typed: typedLine(rule),
        expected: message,
        saved: 'accepted',
      })
    }
  }
  return { compared, differences }
}

/** Whether the options given are valid in the chain: the generator looks at the extensions only. */
function fitsHook({ matches, target }: RuleSpec, chain: Hook, { family }: Dialect): boolean {
  const used = [
    ...matches.map((m) => findMatch(m.module, family)?.hooksFor?.(m.options)),
    target && findTarget(target.name, family)?.hooksFor?.(target.options),
  ]
  return used.every((hooks) => hooks?.includes(chain) ?? true)
}

async function compareChunk(campaign: Campaign, chunk: readonly Typed[]): Promise<Difference[]> {
  const differences: Difference[] = []
  const refusal = await load(campaign, chunk)
  if (refusal !== undefined) {
    if (chunk.length === 1) {
      const [rule] = chunk as [Typed]
      return [
        {
          kind: 'refused-by-kernel',
          typed: typedLine(rule),
          expected: rule.expected.text,
          saved: refusal,
        },
      ]
    }
    const half = Math.ceil(chunk.length / 2)
    return [
      ...(await compareChunk(campaign, chunk.slice(0, half))),
      ...(await compareChunk(campaign, chunk.slice(half))),
    ]
  }
  const { scratch, dialect, names } = campaign
  const dump = await scratch.save(dialect.backend, dialect.family)
  const { ruleset, diagnostics } = parseSave(dump, { family: dialect.family, dialect, names })
  if (diagnostics.length > 0)
    throw new Error(`the save does not parse: ${JSON.stringify(diagnostics[0])}`)
  const saved = new Map<string, Rule[]>(
    ruleset.tables.flatMap((t) =>
      t.chains.map((c) => [`${t.name} ${c.name}`, [...c.rules]] as const),
    ),
  )
  for (const rule of chunk) {
    const live = saved.get(`${rule.table} ${rule.chain}`)?.shift()
    if (live?.key === rule.expected.key && live.text === rule.expected.text) continue
    const kind = live?.key === rule.expected.key ? 'text' : 'key'
    differences.push({
      kind,
      typed: typedLine(rule),
      expected: rule.expected.text,
      saved: live?.text ?? 'nothing',
    })
  }
  return differences
}

function typedLine({ table, chain, words }: GeneratedRule): string {
  return `${table} ${chain} ${words.map(quoteWord).join(' ')}`
}

/** Replaces all rules by these; the kernel's message when it refuses. */
async function load(
  { scratch, dialect }: Campaign,
  rules: readonly GeneratedRule[],
): Promise<string | undefined> {
  const lines: string[] = []
  for (const [table, chains] of Object.entries(BUILTIN_CHAINS)) {
    lines.push(`*${table}`, ...chains.map((chain) => `:${chain} ACCEPT [0:0]`))
    const own = rules.filter((rule) => rule.table === table)
    lines.push(
      ...own.map(({ chain, words }) => `-A ${chain} ${words.map(quoteWord).join(' ')}`),
      'COMMIT',
    )
  }
  const program = `${dialect.family === 'ipv4' ? 'iptables' : 'ip6tables'}-${dialect.backend}-restore`
  const result = await scratch.executor.run({
    program,
    args: [],
    input: `${lines.join('\n')}\n`,
    timeoutMs: 60_000,
    env: { XTABLES_LOCKFILE: `/tmp/fwctl-fuzz-${process.pid}.lock` },
  })
  return result.status === 0 ? undefined : result.stderr.trim()
}
