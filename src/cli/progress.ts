/** What fwctl is at, for somebody who sits at a terminal and waits; nothing for anybody else. */
import type { Context } from './context.ts'

type Terminal = Pick<Context, 'isTTY' | 'complain' | 'options'>

const PATIENCE_MS = 1000
/** Texts from which on reading a policy takes longer than that. */
const LARGE_POLICY = 500_000

/** Says what is being waited for once it takes more than a second; gone when it is done. */
export async function whileWaiting<T>(
  words: string,
  work: Promise<T>,
  context: Terminal,
): Promise<T> {
  if (!isWatched(context)) return work
  let isShown = false
  const timer = setTimeout(() => {
    isShown = true
    context.complain(`${words} …`)
  }, PATIENCE_MS)
  try {
    return await work
  } finally {
    clearTimeout(timer)
    if (isShown) context.complain(ERASE)
  }
}

/** The same for reading a policy, during which no clock can strike. */
export function whileReading<T>(text: string, work: () => T, context: Terminal): T {
  if (!isWatched(context) || text.length < LARGE_POLICY) return work()
  context.complain('Reading the policy …')
  try {
    return work()
  } finally {
    context.complain(ERASE)
  }
}

const ERASE = '\r\u001b[K'

function isWatched({ isTTY, options }: Terminal): boolean {
  return isTTY.stderr && !options.quiet
}
