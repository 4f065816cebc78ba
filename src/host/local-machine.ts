import { hostname } from 'node:os'
import type { Machine } from './executor.ts'
import { localExecutor } from './local-executor.ts'
import { LOCAL_FILES } from './local-files.ts'

/** The machine that fwctl runs on: always the same value. */
export function localMachine(): Machine {
  here ??= makeMachine()
  return here
}

let here: Machine | undefined

function makeMachine(): Machine {
  return {
    ...localExecutor(),
    files: LOCAL_FILES,
    isHere: true,
    account: async () => ({
      uid: process.geteuid?.() ?? -1,
      env: process.env,
      host: hostname(),
    }),
  }
}
