import type { Drift } from '../plan/drift.ts'
import type { TextOptions } from './change-words.ts'
import { driftJson } from './drift-json.ts'
import { driftText } from './drift-text.ts'

/** Every format of a drift: adding one is adding a row. */
export const DRIFT_REPORTS: Readonly<
  Record<'text' | 'json', (drift: Drift, options: TextOptions) => string>
> = { text: driftText, json: driftJson }

export type DriftFormat = keyof typeof DRIFT_REPORTS
