/** Applies against a racing writer: what the test and the campaign share. */
import { setTimeout } from 'node:timers/promises'
import { FwctlError } from '../../src/base/error.ts'
import { applyPlan } from '../../src/host/apply.ts'
import { detectBackend } from '../../src/host/backend.ts'
import type { Executor } from '../../src/host/executor.ts'
import { type Live, parseLive, readLive } from '../../src/host/live.ts'
import { makePlan, type Plan } from '../../src/plan/plan.ts'
import type { Backend, Ruleset } from '../../src/ruleset/model.ts'
import { racingWriter, randomNumbers, rulesOf } from './racing-writer.ts'
import { workbench } from './workbench.ts'

export interface RaceResult {
  readonly applied: number
  readonly unchanged: number
  /** By what they were refused with. */
  readonly refused: Readonly<Record<string, number>>
  readonly retries: number
  readonly writes: number
  /** What must not be, in words. Empty: all is well. */
  readonly faults: readonly string[]
}

const CHAINS = ['INPUT', 'FORWARD', 'WEB']

/** Our rules at step `n`: some stay, some change, some move. */
function desiredDump(random: (below: number) => number): string {
  const rules = ['INPUT', 'FORWARD'].map((chain) => {
    const ports = Array.from({ length: 3 + random(4) }, () => 1000 + random(12))
    const lines = [...new Set(ports)].map(
      (port) =>
        `-A ${chain} -p tcp -m tcp --dport ${port} -j ${random(3) === 0 ? 'WEB' : 'ACCEPT'}\n`,
    )
    return `-A ${chain} -i lo -j ACCEPT\n${lines.join('')}-A ${chain} -p udp -j DROP\n`
  })
  const web = Array.from(
    { length: random(3) },
    (_, index) => `-A WEB -s 192.0.2.${index}/32 -j DROP\n`,
  )
  return `*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:WEB - [0:0]\n${rules.join('')}${web.join('')}COMMIT\n`
}

export async function race(options: {
  readonly backend: Backend
  readonly applies: number
  readonly seed: number
  readonly rehearseEvery?: number
}): Promise<RaceResult> {
  const { backend, applies, seed, rehearseEvery = 10 } = options
  await using bench = await workbench(backend)
  const random = randomNumbers(seed)
  const writer = await racingWriter(bench.scratch, backend, seed + 1)
  const tools = await detectBackend(bench.scratch.executor, backend)
  const dialect = tools.families.ipv4?.dialect
  if (dialect === undefined) throw new Error(`no ${backend} iptables`)
  const executor = striking(bench.scratch.executor, () => writer.step(), { backend, random })
  const read = (text: string): Ruleset =>
    parseLive(text, { family: 'ipv4', dialect, file: 'desired' }).ruleset
  const planFor =
    (desired: Ruleset) =>
    (live: Live): Plan => {
      const now = live.ipv4
      if (now === undefined) throw new Error('nothing was read')
      return makePlan({ families: [{ dialect, live: now.ruleset, desired }] })
    }

  const counts = { applied: 0, unchanged: 0, retries: 0 }
  const refused: Record<string, number> = {}
  const faults: string[] = []
  let ours = CHAINS.map((): readonly string[] => [])
  const running = writer.start()
  for (let n = 0; n < applies; n++) {
    const desired = read(desiredDump(random))
    const plan = planFor(desired)(await readLive(executor, tools, { families: ['ipv4'] }))
    const wanted = CHAINS.map((chain) => textsIn(desired, chain))
    try {
      const outcome = await applyPlan({
        executor,
        backend: tools,
        stateDir: bench.stateDir,
        plan,
        reason: `race ${n}`,
        rehearse: n % rehearseEvery === 0 ? 'required' : 'off',
        replan: planFor(desired),
      })
      counts[outcome.kind]++
      if (outcome.kind === 'applied') counts.retries += outcome.retries
      ours = wanted
    } catch (error) {
      if (!(error instanceof FwctlError)) throw error
      refused[error.code] = (refused[error.code] ?? 0) + 1
      if (error.code !== 'rolled-back' && error.code !== 'stale-plan') faults.push(error.message)
    }
    await expectOurs(`after apply ${n}`)
    await setTimeout(random(20))
  }
  const writes = await running.stop().catch((error: Error) => {
    faults.push(`the writer lost a rule: ${error.message}`)
    return 0
  })
  const saved = await bench.save('ipv4')
  for (const chain of ['INPUT', 'FORWARD', 'f2b-racer']) {
    const [found, expected] = [rulesOf(saved, chain, 'writer'), writer.rulesIn(chain)]
    if (found.join('\n') !== expected.join('\n')) {
      faults.push(`${chain}: the writer has ${expected.join('; ')} but finds ${found.join('; ')}`)
    }
  }
  return { ...counts, refused, writes, faults }

  async function expectOurs(when: string): Promise<void> {
    const saved = await bench.save('ipv4')
    for (const [index, chain] of CHAINS.entries()) {
      const [found, expected] = [rulesOf(saved, chain, 'ours'), ours[index] ?? []]
      if (found.join('\n') !== expected.join('\n')) {
        faults.push(`${when}, ${chain}: expected ${expected.join('; ')}; found ${found.join('; ')}`)
      }
    }
  }
}

function textsIn(desired: Ruleset, name: string): readonly string[] {
  const chain = desired.tables[0]?.chains.find((one) => one.name === name)
  return chain?.rules.map((rule) => rule.text) ?? []
}

/** On nft somebody may strike around each commit, also at the worst moment; on legacy he would wait. */
function striking(
  executor: Executor,
  strike: () => Promise<void>,
  { backend, random }: { readonly backend: Backend; readonly random: (below: number) => number },
): Executor {
  if (backend === 'legacy') return executor
  return {
    ...executor,
    run: async (command) => {
      const { rest } = command
      if (rest === undefined) return executor.run(command)
      const when = random(5)
      if (when === 0) await strike()
      const late = async (): Promise<string> => {
        // All has been looked at, and the next thing is the COMMIT.
        const text = await rest()
        if (when === 1) await strike()
        return text
      }
      const result = await executor.run({ ...command, rest: late })
      if (when === 2) await strike()
      return result
    },
  }
}
