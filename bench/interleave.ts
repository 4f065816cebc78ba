import type { Measurement } from './room.ts'

/** One of those that are compared. */
export interface Participant {
  /** What is not measured. */
  readonly prepare?: (round: number) => Promise<unknown> | unknown
  readonly run: (round: number) => Promise<Measurement>
  /** It takes too long for more: one run, without a warm-up. */
  readonly once?: true
}

export interface Rounds {
  readonly runs: number
  readonly warmUps?: number | undefined
  /** When they have taken so long, there are no more of them, but for three. */
  readonly budgetMs: number
}

const FEWEST_RUNS = 3

/**
 * Lets all run once, and again, and again: what disturbs the machine for a while disturbs them all.
 * Each round begins with another one, so that nobody always runs after the same.
 */
export async function interleave(
  participants: Readonly<Record<string, Participant | undefined>>,
  { runs, warmUps = 1, budgetMs }: Rounds,
): Promise<ReadonlyMap<string, readonly Measurement[]>> {
  const present = Object.entries(participants).flatMap(([name, participant]) =>
    participant === undefined ? [] : [{ name, participant, taken: [] as Measurement[] }],
  )
  const start = performance.now()
  const isOver = (round: number): boolean =>
    round >= warmUps + runs ||
    (round >= warmUps + FEWEST_RUNS && performance.now() - start > budgetMs)
  for (let round = 0; !isOver(round); round++) {
    const first = round % present.length
    for (const { participant, taken } of [...present.slice(first), ...present.slice(0, first)]) {
      if (participant.once && round !== warmUps) continue
      await participant.prepare?.(round)
      const measurement = await participant.run(round)
      if (round >= warmUps) taken.push(measurement)
    }
  }
  return new Map(present.map(({ name, taken }) => [name, taken]))
}
