import { accessSync, constants } from 'node:fs'
import type { Participant } from '../interleave.ts'
import type { Room } from '../room.ts'

/** Another tool, in a room of its own. */
export interface Peer extends Participant, AsyncDisposable {
  readonly room: Room
}

/** Nothing is fetched: a tool takes part where it is installed. */
export function isInstalled(program: string): boolean {
  try {
    accessSync(program, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A line of shell: in this room, modprobe does nothing. */
export const NO_MODULES =
  'tool=$(command -v modprobe) && mount --bind /bin/true "$(readlink -f "$tool")" || true'
