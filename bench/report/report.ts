import type { CaseResult } from '../case.ts'
import type { Machine } from '../machine.ts'

/** What one run of the benchmarks has found, as it is kept in bench/latest.json. */
export interface Report {
  /** YYYY-MM-DD. */
  readonly date: string
  /** How long it took. */
  readonly minutes: number
  readonly machine: Machine
  readonly results: readonly CaseResult[]
}
