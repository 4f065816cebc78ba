/** What is started before the rest of fwctl is loaded. */
import { type BegunRun, beginRun } from '../host/begun-run.ts'

const TIMEOUT_MS = 120_000

/** They read the rules of a host first of all, whatever comes of it. */
const READERS: readonly string[] = ['plan', 'drift']

/** With these, the rules may be elsewhere, or read by other programs, or not at all. */
const DETOURS: readonly string[] = [
  '-h',
  '--backend',
  '--container',
  '--family',
  '--help',
  '--host',
  '--live',
  '--netns',
  '--sudo',
]

/**
 * Starts the saves that `plan` and `drift` will ask for. They only read; where they turn out not to be
 * wanted, they are ended. The command line has not been checked yet, so whatever looks unusual in it
 * is left to that.
 */
export function beginEarly(
  [verb = '', ...words]: readonly string[],
  uid: number,
): readonly BegunRun[] {
  const isDetour = words.some((word) => DETOURS.some((one) => word.startsWith(one)))
  if (uid !== 0 || isDetour || !READERS.includes(verb)) return []
  return ['iptables-save', 'ip6tables-save'].flatMap(
    (program) => beginRun(program, { args: ['-c'], timeoutMs: TIMEOUT_MS }) ?? [],
  )
}
