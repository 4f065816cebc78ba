import { BUILTIN_NAMES } from '../extensions/builtin-names.ts'
import { confirmPending } from '../host/confirm.ts'
import { readNames } from '../host/names.ts'
import { provenance } from '../host/provenance.ts'
import { sayConfirmed } from './confirming.ts'
import type { Context } from './context.ts'
import { readLockWait } from './duration.ts'
import type { ExitCode } from './exit-codes.ts'
import { openExecutor, openState } from './host-input.ts'

/** Exit 1 when nothing is pending, 3 for a token of another change, 4 when it is too late. */
export async function confirm(context: Context): Promise<ExitCode> {
  const executor = await openExecutor(context)
  const stateDir = await openState(context, executor)
  const outcome = await confirmPending(
    { executor, names: await readNames(executor, BUILTIN_NAMES) },
    stateDir,
    {
      token: context.args[0],
      by: (await provenance(stateDir.machine)).user,
      lockWaitMs: readLockWait(context.options.lockWait),
    },
  )
  return sayConfirmed(outcome, context)
}
