import { createInterface } from 'node:readline'
import { FwctlError } from '../base/error.ts'
import type { Context } from './context.ts'

/**
 * Asks on the terminal whether to go on; only y and yes mean it. Throws `usage` where there is no
 * terminal to ask on (what is not answered is not approved) and `cancelled` on Ctrl-C.
 */
export async function approve(
  question: string,
  context: Context,
  signal: AbortSignal,
): Promise<boolean> {
  const { isTTY, options, complain } = context
  if (options.autoApprove) return true
  if (!isTTY.stdin || !isTTY.stderr) {
    throw new FwctlError(
      'usage',
      'There is no terminal to ask on, so nothing was changed. Say --auto-approve to apply without ' +
        'asking, or save the plan with plan --out FILE and apply that.',
    )
  }
  complain(`${question} [y/N] `)
  const answer = await readAnswer(context.stdin, signal)
  if (answer === undefined) complain('\n')
  if (signal.aborted) throw new FwctlError('cancelled', 'Cancelled; nothing was changed.')
  return /^\s*y(es)?\s*$/i.test(answer ?? '')
}

/** One line; undefined at the end of the input or when the signal came first. */
async function readAnswer(
  stdin: Context['stdin'],
  signal: AbortSignal,
): Promise<string | undefined> {
  // Not a `terminal` of readline's: the kernel's line editing makes Ctrl-C the signal it always is.
  const lines = createInterface({ input: stdin, terminal: false, signal })
  try {
    return await new Promise((resolve) => {
      lines.once('line', resolve)
      lines.once('close', () => resolve(undefined))
    })
  } finally {
    lines.close()
  }
}
