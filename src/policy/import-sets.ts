/** The ipsets that imported rules use, as `sets:` of the policy. */
import { canonicalEntries } from '../ipset/entry.ts'
import { canonicalHeader, DEFAULT_MAXELEM, printHeader } from '../ipset/header.ts'
import { isProblem } from '../ipset/problem.ts'
import { rulesOf, setReferences } from '../ipset/references.ts'
import {
  type IpSet,
  SET_NAME,
  type SetEntry,
  type SetHeader,
  TEMPORARY_PREFIX,
} from '../ipset/set.ts'
import { typeOf } from '../ipset/set-types.ts'
import type { Ruleset } from '../ruleset/model.ts'
import { entry } from './import-options.ts'
import type { Entry, Value } from './value.ts'
import { block, list, map, quoteIfNeeded, scalar, textValue } from './written.ts'

/** More entries than this belong into a file. */
const MAX_INLINE = 1000

/** Lines of YAML; empty when no rule uses a set that could be declared. */
export function importSets(
  rulesets: readonly Ruleset[],
  sets: ReadonlyMap<string, IpSet>,
): string[] {
  const uses = rulesets.flatMap(rulesOf).flatMap(setReferences)
  const written = new Set(uses.flatMap((use) => (use.writes ? [use.name] : [])))
  const misfits = new Set(
    uses.flatMap(({ name, flags }) => (fits(sets.get(name), flags) ? [] : [name])),
  )
  const used = new Set(uses.map((use) => use.name))
  for (const name of [...used]) {
    const set = sets.get(name)
    if (set?.header.type === 'list:set') for (const { element } of set.entries) used.add(element)
  }
  const declared = [...sets.values()].filter(
    (set) => used.has(set.name) && !misfits.has(set.name) && isDeclarable(set),
  )
  const lines = declared.flatMap((set) => writeSet(set, written.has(set.name)))
  return lines.length === 0 ? [] : ['sets:', ...lines]
}

function fits(set: IpSet | undefined, flags: string): boolean {
  if (set === undefined) return true
  const { dimension } = typeOf(set.header)
  return dimension === 'any' || flags.split(',').length === dimension
}

/** What could be typed: a policy refuses some sets that somebody else could make. */
function isDeclarable({ name, header, entries }: IpSet): boolean {
  const declared = declaredHeader(header)
  const canonical = canonicalHeader(declared)
  if (!SET_NAME.test(name) || name.startsWith(TEMPORARY_PREFIX) || isProblem(canonical))
    return false
  if (printHeader(canonical) !== printHeader(declared)) return false
  return entries.every((one) => {
    const same = canonicalEntries(withoutCounts(one), header)
    return !isProblem(same) && same.length === 1 && same[0]?.element === one.element
  })
}

/** Without what the kernel adjusts by itself. */
function declaredHeader({
  hashsize: _h,
  bucketsize: _b,
  maxelem,
  ...header
}: SetHeader): SetHeader {
  return maxelem === undefined || maxelem === DEFAULT_MAXELEM ? header : { ...header, maxelem }
}

function writeSet({ name, header, entries }: IpSet, isWritten: boolean): string[] {
  const { type, family, ...options } = declaredHeader(header)
  const lines = [`  ${quoteIfNeeded(name)}:`, `    type: ${type}`]
  if (family === 'inet6') lines.push('    family: inet6')
  const put = ({ key, value }: Entry): void => {
    const [first = '', ...rest] = block(value, 6, key.length + 6)
    lines.push(`    ${key}:${first === '' ? '' : ` ${first}`}`, ...rest)
  }
  for (const [key, value] of Object.entries(options)) {
    put(entry(key, typeof value === 'string' ? textValue(value) : scalar(value)))
  }
  const why = whyLeftOut(header, entries, isWritten)
  if (why !== undefined)
    lines.push(`    # Entries (${entries.length} now) are left as they are: ${why}.`)
  else {
    const inOrder = type === 'list:set' ? entries : entries.toSorted(byElement)
    put(entry('entries', list(inOrder.map((one) => writeEntry(withoutCounts(one), header)))))
  }
  return lines
}

/** The kernel's order is that of its hash, and another each time. */
function byElement(a: SetEntry, b: SetEntry): number {
  return a.element.localeCompare(b.element, 'en', { numeric: true })
}

function whyLeftOut(
  header: SetHeader,
  entries: readonly SetEntry[],
  isWritten: boolean,
): string | undefined {
  if (isWritten) return 'rules add to the set'
  const isTimed = (header.timeout ?? 0) > 0 || entries.some((one) => (one.timeout ?? 0) > 0)
  if (isTimed) return 'they have timeouts'
  return entries.length > MAX_INLINE
    ? 'they are many; list them in a file, see entries-from'
    : undefined
}

function writeEntry(one: Uncounted, header: SetHeader): Value {
  const { element, timeout, ...options } = one
  const own = timeout === undefined || timeout === header.timeout ? {} : { timeout }
  const rest = { ...own, ...options }
  if (Object.keys(rest).length === 0) {
    return /^\d+$/.test(element) ? scalar(Number(element)) : textValue(element)
  }
  const fields = Object.entries(rest).map(([key, value]) =>
    entry(key, typeof value === 'string' ? textValue(value) : scalar(value)),
  )
  return map([entry('entry', textValue(element)), ...fields])
}

type Uncounted = Omit<SetEntry, 'packets' | 'bytes'>

function withoutCounts({ packets: _p, bytes: _b, ...one }: SetEntry): Uncounted {
  return one
}
