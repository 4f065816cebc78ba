import { setTimeout } from 'node:timers/promises'
import type { Backend } from '../../src/ruleset/model.ts'
import type { Scratch } from './namespace.ts'

/** A tool that changes rules and chains of its own in tables that it shares with others. */
export interface RacingWriter {
  /** One random change; throws when a rule of its own is not there any more. */
  step(): Promise<void>
  /** Steps, with pauses of up to 150 ms, until stopped. Rejects as `step` throws. */
  start(): { stop(): Promise<number> }
  /** Its rules of a chain, as it believes them to stand there. */
  rulesIn(chain: string): readonly string[]
}

const HOOKS = ['INPUT', 'FORWARD']
const OWN_CHAIN = 'f2b-racer'

/** Deterministic, so that a seed tells a run. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** `seed` decides what it does. It behaves as fail2ban does: jumps in hooks, bans in its chain. */
export async function racingWriter(
  scratch: Scratch,
  backend: Backend,
  seed: number,
): Promise<RacingWriter> {
  const random = randomNumbers(seed)
  const rules = new Map<string, string[]>([...HOOKS, OWN_CHAIN].map((chain) => [chain, []]))
  const iptables = (...args: readonly string[]) =>
    scratch.run(`iptables-${backend}`, ['--wait', '30', ...args])
  await iptables('-N', OWN_CHAIN)
  let count = 0

  const change = async (): Promise<void> => {
    const chain = random(4) === 0 ? OWN_CHAIN : (HOOKS[random(HOOKS.length)] as string)
    const own = rules.get(chain) as string[]
    const target = chain === OWN_CHAIN ? 'DROP' : OWN_CHAIN
    const what = random(own.length > 6 ? 3 : 8)
    if (chain === OWN_CHAIN && own.length > 4) {
      await iptables('-F', chain)
      own.length = 0
    } else if (what < 3 && own.length > 0) {
      const index = random(own.length)
      await iptables('-D', chain, ...(own[index] as string).split(' '))
      own.splice(index, 1)
    } else {
      const rule = `-s 10.9.${count >> 8}.${count++ & 255}/32 -j ${target}`
      const atTop = random(3) > 0
      await iptables(atTop ? '-I' : '-A', chain, ...rule.split(' '))
      if (atTop) own.unshift(rule)
      else own.push(rule)
    }
  }
  let last: Promise<void> = Promise.resolve()
  // One after the other: it would lose count of its own rules.
  const step = (): Promise<void> => {
    last = last.then(change)
    return last
  }
  return {
    step,
    start: () => {
      let isStopped = false
      const run = async (): Promise<number> => {
        let steps = 0
        for (; !isStopped; steps++) {
          await step()
          await setTimeout(random(150))
        }
        return steps
      }
      const running = run()
      // Seen when it is awaited; until then it must not end the test process.
      running.catch(() => undefined)
      return {
        stop: () => {
          isStopped = true
          return running
        },
      }
    },
    rulesIn: (chain) => rules.get(chain) ?? [],
  }
}

/** The rules of a chain in a dump that are the writer's, or that are not. */
export function rulesOf(dump: string, chain: string, whose: 'writer' | 'ours'): readonly string[] {
  return dump.split('\n').flatMap((line) => {
    const [, name, text = ''] = /^(?:\[\d+:\d+\] )?-A (\S+) ?(.*)$/.exec(line) ?? []
    if (name !== chain) return []
    return text.includes('-s 10.9.') === (whose === 'writer') ? [text] : []
  })
}
