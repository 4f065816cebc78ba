/** What a person has to type when fwctl could not go back by itself. */
import type { FamilyTools } from './backend.ts'
import type { Executor } from './executor.ts'
import type { StateDir } from './state-dir.ts'

/** Loads the tables of a snapshot as they were, with their counters, and the sets that they use. */
export function commandsToLoad(
  executor: Executor,
  { snapshots }: StateDir,
  what: {
    readonly snapshot: string
    readonly families: readonly { readonly family: string; readonly tools: FamilyTools }[]
    readonly sets: boolean
  },
): readonly string[] {
  const load = (command: readonly string[], file: string): string => {
    const path = `${snapshots}/${what.snapshot}/${file}.rules`
    return `${[...(executor.entry ?? []), ...command].map(quoted).join(' ')} < ${quoted(path)}`
  }
  return [
    ...(what.sets ? [load(['ipset', 'restore', '-exist'], 'sets')] : []),
    ...what.families.map(({ family, tools }) => load([tools.restore, '--counters'], family)),
  ]
}

/** In one sentence, after what happened. */
export function sayHowToLoad(executor: Executor, commands: readonly string[]): string {
  return (
    'The next run of fwctl goes on with the way back (fwctl rollback); ' +
    `to go it by hand, on ${executor.label}: ${commands.join(' && ')}`
  )
}

/** For a shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
