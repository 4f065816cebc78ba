import { countReferences } from '../ipset/references.ts'
import type { Family, Ruleset } from '../ruleset/model.ts'
import type { Executor } from './executor.ts'

const IPSET_TIMEOUT_MS = 60_000

/** The names of the ipsets that the rules speak of. */
export function setNames(rulesets: Iterable<Ruleset>): ReadonlySet<string> {
  return new Set(countReferences(rulesets).keys())
}

/** Whether rules, as they are written, may speak of ipsets: their names are looked up as they are read. */
export function usesSets(text: string): boolean {
  return / -m set | -j SET /.test(text)
}

/**
 * Makes those of the sets that `from` has in `to`, empty: rules need a set to be there, not what is
 * in it. Returns the names that `from` does not have. Throws nothing for a missing ipset program:
 * then every name is missing.
 */
export async function copySetHeaders(
  from: Executor,
  to: Executor,
  names: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  if (names.size === 0) return []
  if ((await from.find('ipset')) === undefined) return [...names]
  const listing = await from.run({
    program: 'ipset',
    args: ['list', '-terse'],
    timeoutMs: IPSET_TIMEOUT_MS,
    signal,
  })
  const headers = readHeaders(listing.stdout)
  const wanted = [...names].flatMap((name) => {
    const header = headers.get(name)
    return header === undefined ? [] : [header]
  })
  await createSets(to, wanted)
  return [...names].filter((name) => !headers.has(name))
}

/** Sets that rules of the family take, for a check that has no host to ask. */
export async function createStandInSets(
  to: Executor,
  names: Iterable<string>,
  family: Family,
): Promise<void> {
  const inet = family === 'ipv4' ? 'inet' : 'inet6'
  await createSets(
    to,
    [...names].map((name) => `create ${name} hash:ip,port,ip family ${inet}`),
  )
}

/** Runs `create` lines; what is there already stays. */
export async function createSets(to: Executor, creates: readonly string[]): Promise<void> {
  if (creates.length === 0) return
  await to.run({
    program: 'ipset',
    args: ['restore', '-exist'],
    input: creates.map((line) => `${line}\n`).join(''),
    timeoutMs: IPSET_TIMEOUT_MS,
  })
}

/** The `create` line of each set, from `ipset list -terse`, which leaves out the members. */
export function readHeaders(listing: string): ReadonlyMap<string, string> {
  const creates = new Map<string, string>()
  for (const block of listing.split(/\n(?=Name: )/)) {
    const name = /^Name: (.*)$/m.exec(block)?.[1]
    const type = /^Type: (.*)$/m.exec(block)?.[1]
    const header = /^Header: (.*)$/m.exec(block)?.[1] ?? ''
    if (name !== undefined && type !== undefined) {
      creates.set(name, `create ${name} ${type} ${header}`.trimEnd())
    }
  }
  return creates
}
