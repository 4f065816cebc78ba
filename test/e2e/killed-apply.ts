/**
 * A process that applies a plan and kills itself on the way, as a power cut would: run by
 * apply-killed.test.ts with a request as JSON.
 */
import { readFileSync } from 'node:fs'
import { applyPlan } from '../../src/host/apply.ts'
import { detectBackend } from '../../src/host/backend.ts'
import { readLive } from '../../src/host/live.ts'
import { localExecutor } from '../../src/host/local-executor.ts'
import { netnsExecutor } from '../../src/host/netns-executor.ts'
import { openStateDir } from '../../src/host/state-dir.ts'
import { readSavedPlan } from '../../src/plan/saved.ts'
import type { Backend } from '../../src/ruleset/model.ts'

export interface KilledApply {
  readonly backend: Backend
  readonly pid: number
  readonly stateRoot: string
  readonly plan: string
  readonly at: 'journal' | 'half' | 'done' | 'restore'
  /** It would have had to be confirmed, within this time. */
  readonly confirmWithin?: number
}

const [request = '{}'] = process.argv.slice(2)
const { backend, pid, stateRoot, plan, at, confirmWithin }: KilledApply = JSON.parse(request)
const die = () => process.kill(process.pid, 'SIGKILL')
const inside = netnsExecutor(localExecutor(), { kind: 'process', pid })
const tools = await detectBackend(inside, backend)
await readLive(inside, tools, { families: ['ipv4'] })
let restores = 0
await applyPlan({
  executor: {
    ...inside,
    run: async (command) => {
      if (!command.program.endsWith('-restore') || !command.args.includes('--counters')) {
        return inside.run(command)
      }
      if (at === 'journal') die()
      // The restore is under way when fwctl dies: it comes to its end, or has not read its input yet.
      if (at === 'restore') {
        const running = inside.run(command)
        setTimeout(die, 2)
        return running
      }
      const result = await inside.run(command)
      restores++
      if (restores === (at === 'half' ? 1 : 2)) die()
      return result
    },
  },
  backend: tools,
  plan: readSavedPlan(readFileSync(plan, 'utf8')),
  stateDir: await openStateDir(stateRoot, {}),
  reason: 'to be killed',
  rehearse: 'off',
  // The xtables lock is everybody's on this machine.
  lockWaitMs: 60_000,
  ...(confirmWithin === undefined
    ? {}
    : { confirm: { withinSeconds: confirmWithin, namespace: { kind: 'process', pid } } }),
})
