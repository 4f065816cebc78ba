import { BUILTIN_NAMES } from '../extensions/builtin-names.ts'
import { restoreConfirmed } from '../host/boot.ts'
import { readNames } from '../host/names.ts'
import { FAMILY_NAMES } from '../report/words.ts'
import type { Context } from './context.ts'
import { readLockWait } from './duration.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { reportFailure } from './failure.ts'
import { openExecutor, openState } from './host-input.ts'
import { finishInterrupted } from './interrupted.ts'
import { clock } from './policy-input.ts'

/** What the unit of `install` runs at boot. The exit code is that of the worst family. */
export async function restore(context: Context): Promise<ExitCode> {
  const executor = await openExecutor(context)
  const stateDir = await openState(context, executor)
  await finishInterrupted(executor, stateDir, context)
  const results = await restoreConfirmed(
    { executor, names: await readNames(executor, BUILTIN_NAMES) },
    stateDir,
    {
      now: clock(context),
      lockWaitMs: readLockWait(context.options.lockWait),
    },
  )
  if (results === undefined) {
    context.note('Nothing has been applied here yet, so there is nothing to restore.')
    return EXIT.done
  }
  let worst: ExitCode = EXIT.done
  for (const result of results) {
    const name = FAMILY_NAMES[result.family]
    if (result.kind === 'failed') {
      context.complain(`${name} was not restored:\n`)
      const code = reportFailure(result.error, {
        complain: context.complain,
        colour: context.colour.stderr,
        stack: context.log.level === 'debug',
      })
      if (code > worst) worst = code
    } else {
      context.note(result.kind === 'applied' ? `${name} restored.` : `${name} is as it should be.`)
    }
  }
  return worst
}
