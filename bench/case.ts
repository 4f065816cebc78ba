import type { Place } from './cases/place.ts'
import { interleave, type Participant, type Rounds } from './interleave.ts'
import { type Cost, costOf } from './statistics.ts'

/** What is compared in one go. */
export interface BenchCase {
  /** Words with `/` between them, such as plan-sync/nft/10000: what `--only` looks for. */
  readonly id: string
  readonly title: string
  /** Of those that depend on it. */
  readonly place?: Place
  run(options: RunOptions): Promise<Outcome>
}

export interface RunOptions {
  readonly runs: number
  /** For the runs of one case. */
  readonly budgetMs: number
  /** The built bin of fwctl. */
  readonly main: string
}

export interface Outcome {
  /** By the name of who was measured: fwctl, B, S, F, D, or a peer. */
  readonly costs: Readonly<Record<string, Cost>>
  readonly bounds: readonly Bound[]
}

export interface CaseResult extends Outcome {
  readonly id: string
  readonly title: string
  readonly place?: Place
}

/** A figure, what it may be at most, and what it is a figure of. */
export interface Bound {
  /** With a `#` for the figure: `# (B + S)`. */
  readonly form: string
  readonly figure: number
  readonly limit: number
  /** Whose figure, where it is not simply fwctl's. */
  readonly of?: string
}

export function holds({ figure, limit }: Bound): boolean {
  return figure <= limit
}

/** Medians of the wall time in ms, by participant; NaN for one that is not installed. */
export type Medians<Name extends string> = Readonly<Record<Name, number>>

export type Bounds<Name extends string> = (medians: Medians<Name>) => readonly Bound[]

/** Measures them side by side and holds the medians to the bounds. */
export async function compare<Name extends string>(
  participants: Readonly<Record<Name, Participant | undefined>>,
  { bounds = () => [], ...rounds }: Rounds & { readonly bounds?: Bounds<Name> | undefined },
): Promise<Outcome> {
  const measured = await interleave(participants, rounds)
  const costs = Object.fromEntries([...measured].map(([name, taken]) => [name, costOf(taken)]))
  const medians = Object.fromEntries(
    Object.keys(participants).map((name) => [name, costs[name]?.wallMs.median ?? Number.NaN]),
  ) as Medians<Name>
  return { costs, bounds: bounds(medians).filter(({ figure }) => !Number.isNaN(figure)) }
}
