import { interleave, type Participant } from './interleave.ts'
import { type Cost, costOf } from './statistics.ts'

/** What is compared in one go. */
export interface BenchCase {
  /** Words with `/` between them, such as plan-sync/nft/10000: what `--only` looks for. */
  readonly id: string
  readonly title: string
  run(options: RunOptions): Promise<Outcome>
}

export interface RunOptions {
  readonly runs: number
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
}

/** A figure, what it may be at most, and what it is a figure of. */
export interface Bound {
  /** With a `#` for the figure: `# (B + S)`. */
  readonly form: string
  readonly figure: number
  readonly limit: number
}

export function holds({ figure, limit }: Bound): boolean {
  return figure <= limit
}

/** Medians of the wall time in ms, by participant; NaN for one that is not installed. */
export type Medians<Name extends string> = Readonly<Record<Name, number>>

/** Measures them side by side and holds the medians to the bounds. */
export async function compare<Name extends string>(
  participants: Readonly<Record<Name, Participant | undefined>>,
  {
    runs,
    warmUps,
    bounds = () => [],
  }: {
    readonly runs: number
    readonly warmUps?: number
    readonly bounds?: ((medians: Medians<Name>) => readonly Bound[]) | undefined
  },
): Promise<Outcome> {
  const measured = await interleave(participants, { runs, warmUps })
  const costs = Object.fromEntries([...measured].map(([name, taken]) => [name, costOf(taken)]))
  const medians = Object.fromEntries(
    Object.keys(participants).map((name) => [name, costs[name]?.wallMs.median ?? Number.NaN]),
  ) as Medians<Name>
  return { costs, bounds: bounds(medians).filter(({ figure }) => !Number.isNaN(figure)) }
}
