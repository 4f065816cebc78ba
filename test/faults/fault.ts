/** What goes wrong in a run, and where. Steps count the effects on the system from 1 (effects.ts). */
export type Fault =
  | { readonly kind: 'none' }
  /** SIGKILL: `within` is in the middle of writing a file, or while a program runs. */
  | { readonly kind: 'kill'; readonly step: number; readonly when: 'before' | 'within' | 'after' }
  /** From that step on, or only there, nothing can be written. */
  | {
      readonly kind: 'disk'
      readonly step: number
      readonly code: 'ENOSPC' | 'EROFS'
      readonly once: boolean
    }
  /** A restore of the family is refused in that block (from 1), each time or only the first time. */
  | {
      readonly kind: 'refuse'
      readonly family: 'ipv4' | 'ipv6'
      readonly block: number
      readonly once: boolean
    }
  /** iptables-restore is killed: it has done nothing, or all of it and could not say so. */
  | { readonly kind: 'restore-killed'; readonly family: 'ipv4' | 'ipv6'; readonly done: boolean }
  /** Reading back, a rule is missing: for the first time after a commit, or from then on. */
  | { readonly kind: 'read-back'; readonly family: 'ipv4' | 'ipv6'; readonly once: boolean }

/** What the run said of itself; one that was killed says nothing. */
export interface Report {
  readonly steps: number
  readonly outcome: 'applied' | 'unchanged' | 'failed'
  readonly code?: string
  readonly message?: string
}
