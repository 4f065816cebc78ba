/** A run of fwctl that was cut short: it is seen to before anything is planned on top of it. */
import { BUILTIN_NAMES } from '../extensions/builtin-names.ts'
import type { Executor } from '../host/executor.ts'
import { readJournal } from '../host/journal.ts'
import { readNames } from '../host/names.ts'
import { requireTrustedDir, type StateDir, stateDirPaths } from '../host/state-dir.ts'
import type { Context } from './context.ts'
import { readLockWait } from './duration.ts'
import { hostExecutor } from './host-input.ts'
import { stateRoot } from './target.ts'

/**
 * Finishes or undoes it, and says so. True: what is live, or what is recorded of it, may be something
 * else now. Throws like `recover`, and `lock-busy` when that run is still under way.
 */
export async function finishInterrupted(
  executor: Executor,
  stateDir: StateDir,
  context: Pick<Context, 'complain' | 'options'>,
): Promise<boolean> {
  if ((await readJournal(stateDir)) === undefined) return false
  const [{ takeLock }, { recover }] = await Promise.all([
    import('../host/lock.ts'),
    import('../host/recover.ts'),
  ])
  const waitMs = readLockWait(context.options.lockWait)
  const lock = await takeLock(stateDir.machine, stateDir.lock, { waitMs })
  try {
    const recovery = await recover(
      { executor, names: await readNames(executor, BUILTIN_NAMES) },
      stateDir,
    )
    if (recovery.kind !== 'nothing-open') context.complain(`${recovery.message}\n`)
    return true
  } finally {
    await lock.release()
  }
}

/** For the verbs that only look. */
export async function noteInterrupted(context: Context): Promise<void> {
  const executor = await hostExecutor(context)
  const root = await stateRoot(context, executor)
  const paths = stateDirPaths(root, executor)
  // Whoever may not read it can not apply either, and is told of it there.
  const journal = await requireTrustedDir(root, paths)
    .then(() => readJournal(paths))
    .catch(() => undefined)
  if (journal === undefined) return
  context.complain(
    `An apply that began at ${journal.startedAt} is under way or was cut short, so this may be neither ` +
      'the state before it nor the one after it. The next apply or rollback finishes or undoes it first.\n',
  )
}
