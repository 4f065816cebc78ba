import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { whileReading, whileWaiting } from '../../src/cli/progress.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function terminal(options: { readonly stderr?: boolean; readonly quiet?: boolean } = {}) {
  const said: string[] = []
  const { stderr = true, quiet = false } = options
  const context = {
    isTTY: { stdin: true, stdout: true, stderr },
    options: { quiet } as never,
    complain: (text: string) => void said.push(text),
  }
  return { said, context }
}

async function wait(ms: number, { context }: ReturnType<typeof terminal>): Promise<void> {
  const work = new Promise<void>((resolve) => setTimeout(resolve, ms))
  const waiting = whileWaiting('Reading', work, context)
  await vi.advanceTimersByTimeAsync(ms)
  await waiting
}

describe('waiting', () => {
  test('for more than a second is said on a terminal, and wiped away in the end', async () => {
    const there = terminal()
    await wait(1500, there)
    expect(there.said).toEqual(['Reading …', '\r\u001b[K'])
  })

  test.each([
    ['for less is not worth a word', 900, {}],
    ['into a file says nothing', 5000, { stderr: false }],
    ['with --quiet says nothing', 5000, { quiet: true }],
  ])('%s', async (_what, ms, options) => {
    const there = terminal(options)
    await wait(ms, there)
    expect(there.said).toEqual([])
  })

  test('that ends with an error wipes its word away too', async () => {
    const there = terminal()
    const work = new Promise<void>((_, reject) => setTimeout(() => reject(new Error('no')), 2000))
    const waiting = expect(whileWaiting('Reading', work, there.context)).rejects.toThrow('no')
    await vi.advanceTimersByTimeAsync(2000)
    await waiting
    expect(there.said).toHaveLength(2)
  })
})

test('reading a large policy is said before it begins, a small one is read in silence', () => {
  const there = terminal()
  expect(whileReading('x'.repeat(600_000), () => 7, there.context)).toBe(7)
  expect(there.said).toEqual(['Reading the policy …', '\r\u001b[K'])
  whileReading('x', () => 7, there.context)
  expect(there.said).toHaveLength(2)
})
