import type { Plan } from '../plan/plan.ts'
import type { TextOptions } from './change-words.ts'
import { planDiff } from './plan-diff.ts'
import { planJson } from './plan-json.ts'
import { planMarkdown } from './plan-markdown.ts'
import { planText } from './plan-text.ts'

/** Every format of a plan: adding one is adding a row. */
export const PLAN_REPORTS: Readonly<
  Record<'text' | 'json' | 'markdown' | 'diff', (plan: Plan, options: TextOptions) => string>
> = {
  text: planText,
  json: planJson,
  markdown: planMarkdown,
  diff: planDiff,
}

export type PlanFormat = keyof typeof PLAN_REPORTS
