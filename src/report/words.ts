/** How plans are put into words, in every format alike. */
import type { Summary } from '../plan/change.ts'
import type { Unmanaged } from '../plan/claim.ts'
import type { FamilyPlan } from '../plan/plan.ts'
import type { Counters, Family } from '../ruleset/model.ts'
import { printable } from './printable.ts'

export const FAMILY_NAMES: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' }

/** `IPv4 (iptables 1.8.9, nft)` */
export function familyTitle({ family, dialect }: Pick<FamilyPlan, 'family' | 'dialect'>): string {
  return `${FAMILY_NAMES[family]} (iptables ${dialect.version.join('.')}, ${dialect.backend})`
}

/** `Plan: 3 to add, 1 to change, 2 to remove, 1 chain policy.` or `No changes.` */
export function summaryLine(summary: Summary): string {
  if (Object.values(summary).every((count) => count === 0)) return 'No changes.'
  const parts = [
    `${summary['rule-add']} to add`,
    `${summary['rule-change']} to change`,
    `${summary['rule-remove']} to remove`,
  ]
  if (summary['rule-move'] > 0) parts.push(`${summary['rule-move']} to move`)
  if (summary['chain-add'] > 0) parts.push(`${plural(summary['chain-add'], 'chain')} to add`)
  if (summary['chain-remove'] > 0) {
    parts.push(`${plural(summary['chain-remove'], 'chain')} to remove`)
  }
  if (summary['policy-change'] > 0) {
    const count = summary['policy-change']
    parts.push(count === 1 ? '1 chain policy' : `${count} chain policies`)
  }
  parts.push(...setSummary(summary))
  return `Plan: ${parts.join(', ')}.`
}

/** `1 set to add, 2 sets to change`: what the summary says of sets. */
function setSummary(summary: Summary): string[] {
  const changed = summary['set-change'] + summary['set-recreate']
  const counts: readonly (readonly [number, string])[] = [
    [summary['set-add'], 'to add'],
    [changed, 'to change'],
    [summary['set-remove'], 'to remove'],
  ]
  return counts.flatMap(([number, what]) =>
    number === 0 ? [] : [`${plural(number, 'set')} ${what}`],
  )
}

/** What the plan leaves alone, or undefined when everything is ours. */
export function unmanagedLine({ tables, chains, rules }: Unmanaged): string | undefined {
  const parts: string[] = []
  if (tables.length > 0) {
    parts.push(`${tables.length === 1 ? 'table' : 'tables'} ${tables.join(', ')}`)
  }
  if (chains.length > 0) {
    const names = chains
      .slice(0, MAX_NAMES)
      .map(({ table, chain }) => `${table} ${printable(chain)}`)
    const more = chains.length - names.length
    const rest = more > 0 ? ` and ${more} more` : ''
    parts.push(`${chains.length === 1 ? 'chain' : 'chains'} ${names.join(', ')}${rest}`)
  }
  for (const { table, chain, count, tools } of rules) {
    const whose = tools.length === 0 ? '' : ` (${tools.join(', ')})`
    parts.push(`${plural(count, 'rule')} of others${whose} in ${table} ${printable(chain)}`)
  }
  return parts.length === 0 ? undefined : `Left alone: ${parts.join('; ')}.`
}

/** A Kubernetes node has thousands of chains. */
const MAX_NAMES = 8

/** `12 packets, 720 bytes`, or undefined when nothing was counted. */
export function countersText(counters: Counters | undefined): string | undefined {
  if (counters === undefined || (counters.packets === 0n && counters.bytes === 0n)) return undefined
  const { packets, bytes } = counters
  return `${packets} ${packets === 1n ? 'packet' : 'packets'}, ${bytes} ${bytes === 1n ? 'byte' : 'bytes'}`
}

export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}
