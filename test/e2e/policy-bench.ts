import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { detectBackend } from '../../src/host/backend.ts'
import { readLive } from '../../src/host/live.ts'
import { planFromPolicy } from '../../src/plan/from-policy.ts'
import type { Plan } from '../../src/plan/plan.ts'
import { parsePolicy } from '../../src/policy/parse.ts'
import type { Family } from '../../src/ruleset/model.ts'
import type { Workbench } from './workbench.ts'

/** The plan of a policy for what is live on the bench; throws when the policy has errors. */
export async function planPolicy(
  bench: Workbench,
  text: string,
  families: readonly Family[],
): Promise<Plan> {
  const loaded = parsePolicy(text)
  const tools = await detectBackend(bench.scratch.executor, bench.backend)
  const live = await readLive(bench.scratch.executor, tools, { families })
  const { plan, diagnostics } = planFromPolicy(loaded, live)
  if (plan === undefined) throw new Error(JSON.stringify(diagnostics))
  return plan
}

const FIXTURES = join(import.meta.dirname, '../fixtures/coexistence')

/** What other tools make of a family, by the name of the tool. */
export function otherTools(family: Family): readonly (readonly [string, string])[] {
  const suffix = `.${family}.rules`
  return readdirSync(FIXTURES)
    .filter((name) => name.endsWith(suffix))
    .sort()
    .map((name) => [name.slice(0, -suffix.length), readFileSync(join(FIXTURES, name), 'utf8')])
}

/** The rules of a dump by table and chain, without counters. */
export function rulesIn(dump: string): ReadonlyMap<string, readonly string[]> {
  const rules = new Map<string, string[]>()
  let table = ''
  for (const line of dump.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1)
    const [, chain, text] = /^(?:\[\d+:\d+\] )?-A (\S+) (.*)$/.exec(line) ?? []
    if (chain === undefined || text === undefined) continue
    const key = `${table} ${chain}`
    rules.set(key, [...(rules.get(key) ?? []), text])
  }
  return rules
}

/** The first rule of `before` that is missing or out of order in `after`; undefined: all are there. */
export function firstLost(before: string, after: string): string | undefined {
  const now = rulesIn(after)
  for (const [place, texts] of rulesIn(before)) {
    let at = 0
    for (const text of texts) {
      const found = (now.get(place) ?? []).indexOf(text, at)
      if (found < 0) return `${place}: ${text}`
      at = found + 1
    }
  }
  return undefined
}
