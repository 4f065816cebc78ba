import type { Measurement } from './room.ts'

export interface Spread {
  readonly median: number
  /** The quartiles. */
  readonly low: number
  readonly high: number
}

/** What the runs of one participant come to. */
export interface Cost {
  readonly runs: number
  readonly wallMs: Spread
  readonly cpuMs: Spread
  readonly peakMb: Spread
}

export function costOf(measurements: readonly Measurement[]): Cost {
  const spread = (of: (measurement: Measurement) => number): Spread =>
    spreadOf(measurements.map(of))
  return {
    runs: measurements.length,
    wallMs: spread(({ wallMs }) => wallMs),
    cpuMs: spread(({ cpuMs }) => cpuMs),
    peakMb: spread(({ peakMb }) => peakMb),
  }
}

export function spreadOf(values: readonly number[]): Spread {
  return {
    median: quantile(values, 0.5),
    low: quantile(values, 0.25),
    high: quantile(values, 0.75),
  }
}

/** Between two values, in proportion. */
function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const below = sorted[Math.floor(at)]
  const above = sorted[Math.ceil(at)]
  if (below === undefined || above === undefined) throw new Error('nothing was measured')
  return below + (above - below) * (at % 1)
}
