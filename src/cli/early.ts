/** What is done before the rest of fwctl is loaded. */
import { statSync } from 'node:fs'
import type { BegunRun } from '../host/begun-run.ts'
import { likelyFamilies } from './likely-families.ts'
import { DEFAULT_POLICY } from './verb.ts'

/** They read the rules of a host first of all, whatever comes of it. */
const READERS: readonly string[] = ['plan', 'drift', 'apply']

/** With these, the rules may be elsewhere, or not be read at all. */
const DETOURS: readonly string[] = [
  '-h',
  '--container',
  '--family',
  '--help',
  '--host',
  '--live',
  '--sudo',
]

/**
 * Where a large file is given, has V8 wait longer before it optimises a function. Its compiler takes as
 * much of the processors as all else in a run over thousands of rules, most of it for functions that
 * are done when it is: a new policy of 10,000 rules takes half of the processor time without it. Longer
 * runs still get what they need.
 */
export function tuneEngine([verb, ...words]: readonly string[]): void {
  if (!words.some(isLargeFile) && !isLargeFile(DEFAULT_POLICY)) return
  if (!KNOWN_NODES.test(process.version)) return
  // Node's own modules come with code that V8 only takes with the flags that it was made with.
  const needed = ['child_process', 'zlib', ...(verb === 'apply' ? ['crypto', 'fs/promises'] : [])]
  for (const name of needed) process.getBuiltinModule(`node:${name}`)
  process
    .getBuiltinModule('node:v8')
    .setFlagsFromString('--interrupt-budget=2000000 --semi-space-growth-factor=4')
  isTuned = true
}

let isTuned = false

/** Code that was compiled with one set of flags is not taken with another. */
export function engineName(): string {
  return isTuned ? 'tuned' : 'plain'
}

/** Newer ones do not have the flag, would complain of it, and do well without. */
const KNOWN_NODES = /^v20\./

/** About 2,500 rules. With less, setting the flag takes longer than it saves. */
const LARGE_BYTES = 256 * 1024

function isLargeFile(path: string): boolean {
  try {
    return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= LARGE_BYTES
  } catch {
    return false
  }
}

/**
 * Starts the saves that these verbs will ask for. They only read; where they turn out not to be
 * wanted, they are ended. The command line has not been checked yet, so whatever looks unusual in it
 * is left to that.
 */
export async function beginEarly(
  [verb = '', ...words]: readonly string[],
  uid: number,
): Promise<readonly BegunRun[]> {
  const isDetour = words.some((word) => DETOURS.some((one) => word.startsWith(one)))
  const namespace = optionValue('--netns', words)
  const backend = optionValue('--backend', words) ?? 'auto'
  const isPlain = namespace === undefined || /^[A-Za-z][\w-]*$/.test(namespace)
  if (uid !== 0 || isDetour || !isPlain || !READERS.includes(verb)) return []
  const [{ beginRun }, { findProgram }, { entering, entryArguments }, { saveCommand }] =
    await Promise.all([
      import('../host/begun-run.ts'),
      import('../host/find-program.ts'),
      import('../host/netns-executor.ts'),
      import('../host/save-command.ts'),
    ])
  const suffix = backend === 'auto' ? '' : `-${backend}`
  const named = words.filter((word) => !word.startsWith('-'))
  return likelyFamilies([...named, DEFAULT_POLICY]).flatMap((family) => {
    const stem = family === 'ipv4' ? 'iptables' : 'ip6tables'
    const path = findProgram(`${stem}${suffix}-save`)
    if (path === undefined) return []
    const save = saveCommand(path)
    const isHere = namespace === undefined
    const entry = isHere ? [] : entryArguments({ kind: 'name', name: namespace })
    return beginRun(isHere ? save : entering(entry, save)) ?? []
  })
}

/** The last of `--option value` and `--option=value`. */
function optionValue(option: string, words: readonly string[]): string | undefined {
  const at = words.findLastIndex((word) => word === option || word.startsWith(`${option}=`))
  return words[at] === option ? words[at + 1] : words[at]?.slice(option.length + 1)
}
