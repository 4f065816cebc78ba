/**
 * A process that applies a saved plan while something goes wrong: run by campaign.ts, with a request
 * as JSON. It prints what became of it; killed, it prints nothing.
 */
import { readFileSync, writeSync } from 'node:fs'
import { FwctlError } from '../../src/base/error.ts'
import { applyPlan } from '../../src/host/apply.ts'
import type { HostBackend } from '../../src/host/backend.ts'
import { localExecutor } from '../../src/host/local-executor.ts'
import { netnsExecutor } from '../../src/host/netns-executor.ts'
import { openStateDir } from '../../src/host/state-dir.ts'
import { readSavedPlan } from '../../src/plan/saved.ts'
import { injectFault } from './effects.ts'
import type { Fault, Report } from './fault.ts'

export interface FaultyApply {
  readonly backend: HostBackend
  readonly pid: number
  readonly stateRoot: string
  readonly plan: string
  readonly rehearse: 'required' | 'off'
  readonly fault: Fault
}

async function main(): Promise<void> {
  const request: FaultyApply = JSON.parse(process.argv[2] ?? '{}')
  const stateDir = await openStateDir(request.stateRoot, {})
  const effects = injectFault(request.fault, request.stateRoot)
  const inside = netnsExecutor(localExecutor(), { kind: 'process', pid: request.pid })
  const say = (report: Omit<Report, 'steps'>): void => {
    writeSync(1, JSON.stringify({ steps: effects.steps(), ...report }))
  }
  try {
    const { kind } = await applyPlan({
      executor: effects.wrap(inside),
      backend: request.backend,
      plan: readSavedPlan(readFileSync(request.plan, 'utf8')),
      stateDir,
      reason: 'a fault is injected',
      rehearse: request.rehearse,
    })
    say({ outcome: kind })
  } catch (error) {
    const { code } = error as { code?: string }
    say({
      outcome: 'failed',
      message: String(error),
      ...(error instanceof FwctlError && code !== undefined ? { code } : {}),
    })
  }
}

await main()
