import { accessSync, constants } from 'node:fs'
import type { Participant } from '../interleave.ts'

/** Another tool, in a room of its own. */
export interface Peer extends Participant, AsyncDisposable {}

/** Nothing is fetched: a tool takes part where it is installed. */
export function isInstalled(program: string): boolean {
  try {
    accessSync(program, constants.X_OK)
    return true
  } catch {
    return false
  }
}
