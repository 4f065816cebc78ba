/** What apply is asked to do, and what it is based on. */
import type { AppliedRecord } from './applied.ts'
import type { ApplicablePlan } from './apply-base.ts'
import type { ConfirmRequest } from './confirm.ts'
import type { Edit, Host } from './edit.ts'
import type { Live } from './live.ts'
import type { StateDir } from './state-dir.ts'

export interface CommitRequest extends Host {
  readonly plan: ApplicablePlan
  readonly stateDir: StateDir
  /** For the snapshot's meta data: why this is done. */
  readonly reason: string
  /** Before the commit: nothing is changed. During it: what was changed is undone. */
  readonly signal?: AbortSignal | undefined
  /**
   * Makes the plan anew when others have changed what it was made from; throws what apply is then to
   * end with. Absent: apply ends with `stale-plan`.
   */
  readonly replan?: (live: Live) => ApplicablePlan | Promise<ApplicablePlan>
  /** How long to wait for another fwctl, and for another program with the xtables lock; default 10 s. */
  readonly lockWaitMs?: number
  readonly progress?: (step: 'snapshot' | 'commit' | 'undo') => void
  /** It is taken back unless it is confirmed in time (confirm.ts). */
  readonly confirm?: ConfirmRequest | undefined
  /** The token of the pending change that this takes back; while there is another, it is refused. */
  readonly ends?: string | undefined
  /** The record of the last apply, if it was read during the same turn. */
  readonly last?: AppliedRecord | undefined
  /** Families that the plan is not about, read with those that it is about. */
  readonly others?: Live | undefined
  /** The plan leads back to what was applied last, and that stays on record as it is. */
  readonly unrecorded?: boolean
}

/** A request, the live rules that its plan holds for, and what is to be done about them. */
export interface Based {
  readonly request: CommitRequest
  readonly live: Live
  readonly edits: readonly Edit[]
  readonly byValue: boolean
}
