/**
 * What it costs the programs and the kernel to edit a chain: milliseconds of processor time, measured
 * with iptables 1.8.9. Only their proportions matter.
 */
import { EXTENSIONS } from '../extensions/catalogue.ts'
import type { Backend, Rule } from '../ruleset/model.ts'

export interface EditCosts {
  /** To read a chain, which is done once for all edits by number. */
  readonly read: (length: number) => number
  /** Of one edit by number. */
  readonly edit: (length: number) => number
  /** Of one rule that is written anew. */
  readonly write: number
}

/**
 * iptables-nft reads a chain only for edits by number, and the kernel answers in pieces, each of which
 * it looks for from the beginning: from 25,000 rules on, reading is dearer than writing. Legacy reads
 * and writes whole tables whatever is done.
 */
export const EDIT_COSTS: Readonly<Record<Backend, EditCosts>> = {
  nft: {
    read: (length) => Math.max(0.01 * length, 1.8e-6 * length ** 2),
    edit: (length) => 0.02 + 0.011e-3 * length,
    write: 0.03,
  },
  legacy: { read: () => 0, edit: () => 0.03, write: 0.017 },
}

/** Less is not worth it: a rule that is written anew is another one to the kernel. */
const WORTHWHILE_MS = 20

/** Whether it is much cheaper to write all rules of a chain anew than to edit it. */
export function isCheaperAnew(
  edits: {
    /** How many rules the chain has, and will have. */
    readonly live: number
    readonly target: number
    /** How many edits go by number, and how many rules come at the end. */
    readonly byNumber: number
    readonly appended: number
  },
  costs: EditCosts,
): boolean {
  const { live, target, byNumber, appended } = edits
  const reading = byNumber === 0 ? 0 : costs.read(live)
  const editing = reading + byNumber * costs.edit(live) + appended * costs.write
  return editing - target * costs.write > WORTHWHILE_MS
}

/** Whether a rule remembers something beside its counters, which it would forget if written anew. */
export function remembers({ text }: Rule): boolean {
  const padded = ` ${text} `
  if (STATEFUL_TARGETS.some((name) => padded.includes(` -j ${name} `))) return true
  for (let at = padded.indexOf(' -m '); at >= 0; at = padded.indexOf(' -m ', at + 4)) {
    // What the catalogue does not know may remember anything.
    if (!forgetful().has(padded.slice(at + 4, padded.indexOf(' ', at + 4)))) return true
  }
  return false
}

/** Targets that keep a state of their own, under a name or an address. */
export const STATEFUL_TARGETS: readonly string[] = ['RATEEST', 'IDLETIMER', 'LED', 'CLUSTERIP']

let known: ReadonlySet<string> | undefined

/** Matches that depend on the packet alone. The catalogue is only asked where there are edits. */
function forgetful(): ReadonlySet<string> {
  known ??= new Set(
    EXTENSIONS.flatMap((entry) =>
      entry.kind === 'match' && entry.effect !== 'stateful' ? [entry.name] : [],
    ),
  )
  return known
}
