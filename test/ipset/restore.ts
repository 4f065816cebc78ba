/** As much of `ipset restore` as our batches use. Refuses what ipset would refuse. */
import { canonicalElements } from '../../src/ipset/element.ts'
import { entryKey } from '../../src/ipset/entry.ts'
import { parseHeader } from '../../src/ipset/header.ts'
import { isProblem } from '../../src/ipset/problem.ts'
import { parseEntry } from '../../src/ipset/save.ts'
import type { LiveSet, LiveSets, SetEntry, SetHeader } from '../../src/ipset/set.ts'
import { canSwap } from '../../src/ipset/set-types.ts'

interface Kept {
  readonly header: SetHeader
  readonly entries: Map<string, SetEntry>
}

/** What the kernel gives to an entry that says nothing. */
function withDefaults(header: SetHeader): Partial<SetEntry> {
  return {
    ...(header.timeout === undefined ? {} : { timeout: header.timeout }),
    ...(header.counters ? { packets: 0n, bytes: 0n } : {}),
  }
}

export function runRestore(live: LiveSets, text: string, used: ReadonlySet<string>): LiveSets {
  const sets = new Map<string, Kept>(
    [...live].map(([name, { header, entries }]) => [
      name,
      { header, entries: new Map(entries.map((entry) => [entryKey(entry), entry])) },
    ]),
  )
  const get = (name: string): Kept => {
    const set = sets.get(name)
    if (set === undefined) throw new Error(`no set ${name}`)
    return set
  }
  const free = (name: string): void => {
    if (used.has(name)) throw new Error(`${name} is in use`)
  }
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [command = '', name = '', ...rest] = line.split(' ')
    if (command === 'create') {
      const header = parseHeader(rest)
      if (header === undefined || sets.has(name)) throw new Error(line)
      sets.set(name, { header, entries: new Map() })
    } else if (command === 'add' || command === 'del') {
      const { header, entries } = get(name)
      const exist = rest.at(-1) === '-exist'
      const entry = parseEntry((exist ? rest.slice(0, -1) : rest).join(' '))
      const elements = entry && canonicalElements(entry.element, header)
      if (entry === undefined || elements === undefined || isProblem(elements))
        throw new Error(line)
      const key = entryKey({ ...entry, element: elements[0] ?? '' })
      if (!exist && entries.has(key) === (command === 'add')) throw new Error(line)
      if (command === 'del') entries.delete(key)
      else entries.set(key, { ...withDefaults(header), ...entry, element: elements[0] ?? '' })
    } else if (command === 'swap') {
      const [a, b] = [get(name), get(rest[0] ?? '')]
      if (!canSwap(a.header, b.header)) throw new Error(line)
      sets.set(name, b).set(rest[0] ?? '', a)
    } else if (command === 'rename') {
      free(name)
      if (sets.has(rest[0] ?? '')) throw new Error(line)
      sets.set(rest[0] ?? '', get(name))
      sets.delete(name)
    } else if (command === 'destroy') {
      free(name)
      get(name)
      sets.delete(name)
    } else throw new Error(line)
  }
  return new Map(
    [...sets].map(([name, { header, entries }]): [string, LiveSet] => [
      name,
      { name, header, entries: [...entries.values()], text: '' },
    ]),
  )
}
