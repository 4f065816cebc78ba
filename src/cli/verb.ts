import type { OptionSpec, SharedOption } from './option-table.ts'

/** The policy that is meant when none is named. */
export const DEFAULT_POLICY = 'fwctl.yaml'

export interface ArgumentSpec {
  /** `[POLICY]` may be left out, `<SHELL>` may not. */
  readonly name: string
  readonly description: string
  readonly choices?: readonly string[]
  readonly completes?: 'file'
}

/** What a verb takes, as data: help, checks and completion are made from it. */
export interface VerbSpec {
  readonly name: string
  readonly summary: string
  readonly arguments: readonly ArgumentSpec[]
  readonly shared: readonly SharedOption[]
  /** Absent: it has no `--format`. The first is the default. */
  readonly formats?: readonly string[]
  readonly options: readonly OptionSpec[]
}
