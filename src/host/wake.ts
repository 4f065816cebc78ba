import { setTimeout as sleep } from 'node:timers/promises'

/** A sleep that somebody else can end. */
export function newWake(): {
  readonly now: () => void
  /** True: it was woken, also by a call since the last wait. */
  readonly wait: (milliseconds: number) => Promise<boolean>
} {
  let isCalled = false
  let end: (() => void) | undefined
  return {
    now: () => {
      isCalled = true
      end?.()
    },
    wait: async (milliseconds) => {
      if (!isCalled) {
        const timer = new AbortController()
        end = () => timer.abort()
        await sleep(milliseconds, undefined, { signal: timer.signal }).catch(() => undefined)
        end = undefined
      }
      const was = isCalled
      isCalled = false
      return was
    },
  }
}
