import { join, resolve } from 'node:path'
import { detectBackend } from '../host/backend.ts'
import { installUnits, ownCommand, UNIT_DIRECTORY, uninstallUnits } from '../host/install.ts'
import { localExecutor } from '../host/local-executor.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { stateRoot } from './target.ts'

/** Writes the systemd units, and enables them where systemd runs. */
export async function install(context: Context): Promise<ExitCode> {
  const { options, cwd } = context
  const executor = localExecutor()
  const found =
    options.root === undefined ? await detectBackend(executor, options.backend) : undefined
  const chosen = options.backend === 'auto' ? undefined : options.backend
  const installed = await installUnits(executor, {
    ...placeOf(context),
    command: options.command === undefined ? await ownCommand() : [resolve(cwd, options.command)],
    stateDir: await stateRoot(context, {}),
    backend: chosen ?? found?.families.ipv4?.dialect.backend,
    policy: options.policy === undefined ? undefined : resolve(cwd, options.policy),
    watch: options.watch === true,
  })
  say(installed, context)
  return EXIT.done
}

/** Removes them; the rules stay. */
export async function uninstall(context: Context): Promise<ExitCode> {
  const removed = await uninstallUnits(localExecutor(), placeOf(context))
  if (removed.paths.length === 0) context.note('There is nothing to remove.')
  say(removed, context)
  return EXIT.done
}

function placeOf({ options, cwd }: Context): {
  readonly directory: string
  readonly offline: boolean
} {
  const { root, unitDir = UNIT_DIRECTORY } = options
  if (root === undefined) return { directory: resolve(cwd, unitDir), offline: false }
  return { directory: join(resolve(cwd, root), unitDir), offline: true }
}

function say(
  { paths, remaining }: Awaited<ReturnType<typeof installUnits>>,
  { print, note }: Context,
): void {
  print(paths.map((path) => `${path}\n`).join(''))
  if (remaining.length === 0) return
  note('systemd does not run here, or did not take it. To be run where it does:')
  for (const line of remaining) note(`  ${line}`)
}
