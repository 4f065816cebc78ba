import { join } from 'node:path'
import type { Backend } from '../../src/ruleset/model.ts'
import { type Command, openRoom, type Room } from '../room.ts'

/** A room in which fwctl works. */
export interface ManagedRoom extends Room {
  readonly stateDir: string
  fwctl(verb: 'plan' | 'apply', ...args: readonly string[]): Command
}

/** With a policy applied, unless there is none. */
export async function openManagedRoom({
  main,
  backend,
  policy,
}: {
  readonly main: string
  readonly backend: Backend
  readonly policy?: string
}): Promise<ManagedRoom> {
  const room = await openRoom()
  const stateDir = join(room.folder, 'state')
  const fwctl: ManagedRoom['fwctl'] = (verb, ...args) => ({
    argv: [
      ...[process.execPath, main, verb, ...args],
      ...['--backend', backend, '--state-dir', stateDir],
      ...(verb === 'apply' ? ['--auto-approve'] : []),
    ],
  })
  const managed = { ...room, stateDir, fwctl }
  if (policy !== undefined) {
    const path = room.write('first.yaml', policy)
    await room.measure(fwctl('apply', path))
    await assertInSync(managed, path)
  }
  return managed
}

/** Throws when fwctl would still change something: then something else than meant was measured. */
export async function assertInSync(room: ManagedRoom, policy: string): Promise<void> {
  await room.measure(room.fwctl('plan', policy, '--detailed-exitcode'))
}
