/** What no tool can be faster than, as participants. */
import type { Backend } from '../../src/ruleset/model.ts'
import type { Participant } from '../interleave.ts'
import { EDIT_FORMS, restoreText } from '../languages/iptables.ts'
import { openRoom, type Room } from '../room.ts'
import { type Edit, edited, reversed } from '../rulesets/edit.ts'
import type { BenchRuleset } from '../rulesets/ruleset.ts'

/** B: the start of Node. */
export function nodeStart(room: Room): Participant {
  return { run: () => room.measure({ argv: [process.execPath, '-e', '0'] }) }
}

/** S: reading what is live. */
export function save(room: Room, backend: Backend): Participant {
  return { run: () => room.measure({ argv: [`iptables-${backend}-save`, '-c'] }) }
}

/** F: the whole ruleset, loaded with iptables-restore; several in turn. */
export function fullRestore(
  room: Room,
  backend: Backend,
  states: readonly BenchRuleset[],
): Participant {
  const texts = states.map((state) => restoreText(state))
  return restore(room, 'full', [`iptables-${backend}-restore`], texts)
}

/** D: the smallest batch for the edits, there and back again. */
export function minimalDelta(
  room: Room,
  backend: Backend,
  { ruleset, edits }: { readonly ruleset: BenchRuleset; readonly edits: readonly Edit[] },
): Participant {
  const there = EDIT_FORMS['-R'](ruleset, edits)
  const back = EDIT_FORMS['-R'](edited(ruleset, edits), reversed(edits))
  return restore(room, 'delta', [`iptables-${backend}-restore`, '--noflush'], [there, back])
}

/** Loads the texts in turn. */
export function restore(
  room: Room,
  name: string,
  argv: readonly string[],
  texts: readonly string[],
): Participant {
  const paths = texts.map((text, i) => room.write(`${name}-${i}`, text))
  return { run: (round) => room.measure({ argv, stdin: paths[round % paths.length] ?? '' }) }
}

/** A room with the rules in it that fwctl has nothing to do with. */
export async function rawRoom(backend: Backend, ruleset: BenchRuleset): Promise<Room> {
  const room = await openRoom()
  await room.run([`iptables-${backend}-restore`], restoreText(ruleset))
  return room
}
