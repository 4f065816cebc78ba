/**
 * When a chain may be repaired again, and when repairing it is a fight with another tool.
 *
 * The first repair comes at once. Each time it is undone, the next one waits twice as long, with
 * jitter, so that two tools that reconcile do not march in step. Undone too often within a while, the
 * chain is left alone for as long, and then longer each time: a chain that flaps is worse than one
 * that is wrong and reported.
 */
export interface ContestOptions {
  /** Undone so many times within the window: a fight. */
  readonly limit: number
  readonly windowMs: number
  readonly firstDelayMs: number
  /** 0 to 1; Math.random. */
  readonly random: () => number
}

export interface Contest {
  /** Whether the chain is to be left alone now. */
  readonly isLeft: (chain: string, now: number) => boolean
  /** When the next chain that is left alone may be tried again; undefined: none is. */
  readonly nextTry: (now: number) => number | undefined
  /** A repair of these chains is about to be made. Returns those that it is no use for: a fight. */
  readonly repair: (chains: readonly string[], now: number) => readonly string[]
}

interface History {
  /** Of repairs. */
  readonly times: readonly number[]
  readonly leftUntil: number
  readonly fights: number
}

const UNTOUCHED: History = { times: [], leftUntil: 0, fights: 0 }
const MAX_FIGHT_DOUBLINGS = 6

export function newContest(options: ContestOptions): Contest {
  const { limit, windowMs, firstDelayMs, random } = options
  const histories = new Map<string, History>()

  function enter(chain: string, now: number): boolean {
    const { times, leftUntil, fights: before } = histories.get(chain) ?? UNTOUCHED
    const recent = times.filter((time) => now - time < windowMs)
    // A chain that kept the peace for a while after a fight starts afresh; else one try has to do.
    const fights = now - leftUntil < windowMs ? before : 0
    if (recent.length < (fights === 0 ? limit : 1)) {
      const delay = firstDelayMs * 2 ** recent.length * (1 + random() / 2)
      histories.set(chain, { times: [...recent, now], leftUntil: now + delay, fights })
      return false
    }
    const pause = windowMs * 2 ** Math.min(fights, MAX_FIGHT_DOUBLINGS) * (1 + random() / 2)
    histories.set(chain, { times: [], leftUntil: now + pause, fights: fights + 1 })
    return true
  }

  return {
    isLeft: (chain, now) => (histories.get(chain)?.leftUntil ?? 0) > now,
    nextTry: (now) => {
      const times = [...histories.values()].map((one) => one.leftUntil).filter((at) => at > now)
      return times.length === 0 ? undefined : Math.min(...times)
    },
    repair: (chains, now) => chains.filter((chain) => enter(chain, now)),
  }
}
