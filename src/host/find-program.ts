import { accessSync, constants } from 'node:fs'
import { PROGRAM_DIRECTORIES } from './executor.ts'

/** The absolute path of a program of this machine, looked up in `PROGRAM_DIRECTORIES`. */
export function findProgram(program: string): string | undefined {
  for (const directory of PROGRAM_DIRECTORIES) {
    const path = `${directory}/${program}`
    try {
      // A handful of system calls: handing each to another thread takes longer.
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // not in this one
    }
  }
  return undefined
}
