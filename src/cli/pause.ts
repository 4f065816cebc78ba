import { readPause, removePause, writePause } from '../host/pause.ts'
import { provenance } from '../host/provenance.ts'
import type { Context } from './context.ts'
import { parseDuration } from './duration.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { openExecutor, openState } from './host-input.ts'
import { clock } from './policy-input.ts'

/** Watch reports from now on, and repairs nothing. */
export async function pause(context: Context): Promise<ExitCode> {
  const { length, reason } = context.options
  const stateDir = await openState(context, await openExecutor(context))
  const now = clock(context)
  const seconds = length === undefined ? undefined : parseDuration(length, '--length')
  const until =
    seconds === undefined ? undefined : new Date(now.getTime() + seconds * 1000).toISOString()
  await writePause(stateDir, {
    since: now.toISOString(),
    by: (await provenance(stateDir.machine)).user,
    ...(reason === undefined ? {} : { reason }),
    ...(until === undefined ? {} : { until }),
  })
  context.note(`Paused until ${until ?? 'fwctl resume'}.`)
  return EXIT.done
}

/** Nothing happens when it was not paused. */
export async function resume(context: Context): Promise<ExitCode> {
  const stateDir = await openState(context, await openExecutor(context))
  const was = await readPause(stateDir, { now: clock(context) })
  const isRemoved = await removePause(stateDir)
  context.note(isRemoved && was ? `Resumed; paused since ${was.since}.` : 'It was not paused.')
  return EXIT.done
}
