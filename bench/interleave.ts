import type { Measurement } from './room.ts'

/** One of those that are compared. */
export interface Participant {
  /** What is not measured. */
  readonly prepare?: (round: number) => Promise<unknown> | unknown
  readonly run: (round: number) => Promise<Measurement>
}

/**
 * Lets all run once, and again, and again: what disturbs the machine for a while disturbs them all.
 * Each round begins with another one, so that nobody always runs after the same.
 */
export async function interleave(
  participants: Readonly<Record<string, Participant | undefined>>,
  { runs, warmUps = 1 }: { readonly runs: number; readonly warmUps?: number | undefined },
): Promise<ReadonlyMap<string, readonly Measurement[]>> {
  const present = Object.entries(participants).flatMap(([name, participant]) =>
    participant === undefined ? [] : [{ name, participant, taken: [] as Measurement[] }],
  )
  for (let round = 0; round < warmUps + runs; round++) {
    const first = round % present.length
    for (const { participant, taken } of [...present.slice(first), ...present.slice(0, first)]) {
      await participant.prepare?.(round)
      const measurement = await participant.run(round)
      if (round >= warmUps) taken.push(measurement)
    }
  }
  return new Map(present.map(({ name, taken }) => [name, taken]))
}
