import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { setBatch, temporaryName } from '../../src/ipset/batch.ts'
import { diffSets } from '../../src/ipset/diff.ts'
import { canonicalEntries, entryKey } from '../../src/ipset/entry.ts'
import { canonicalHeader } from '../../src/ipset/header.ts'
import { isProblem } from '../../src/ipset/problem.ts'
import type {
  IpSet,
  LiveSet,
  LiveSets,
  SetContents,
  SetEntry,
  SetGoal,
  SetHeader,
} from '../../src/ipset/set.ts'
import { canSwap, takesNomatch } from '../../src/ipset/set-types.ts'
import { type Random, randomEntry, randomHeader, seeded, TYPE_NAMES } from './random-set.ts'
import { runRestore } from './restore.ts'

function live(...sets: readonly IpSet[]): LiveSets {
  return new Map(sets.map((set): [string, LiveSet] => [set.name, { ...set, text: '' }]))
}

function goal(set: IpSet, contents: SetContents = 'exact'): SetGoal {
  return { set, contents }
}

function ips(count: number, header: Partial<SetHeader> = {}): IpSet {
  const entries = Array.from({ length: count }, (_, i) => {
    const n = i + 1
    return { element: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}` }
  })
  return { name: 's', header: { type: 'hash:ip', family: 'inet', ...header }, entries }
}

describe('a batch', () => {
  test('is empty when nothing differs, whatever the order and the counters', () => {
    const set = ips(5, { counters: true })
    const counted = set.entries.map((entry) => ({ ...entry, packets: 3n, bytes: 9n })).reverse()
    expect(diffSets(live({ ...set, entries: counted }), [goal(set)])).toEqual([])
    expect(setBatch([])).toEqual({ before: '', after: '' })
  })

  test('edits a few entries among many one by one: what comes first, what goes then', () => {
    const before = ips(100)
    const after = { ...before, entries: [...before.entries.slice(1), { element: '10.9.9.9' }] }
    const { before: text } = setBatch(diffSets(live(before), [goal(after)]))
    expect(text).toBe('add s 10.9.9.9 -exist\ndel s 10.0.0.1 -exist\n')
  })

  test('fills another set and swaps it in when much changes, and carries what was counted', () => {
    const before = {
      ...ips(2, { counters: true }),
      entries: [{ element: '10.0.0.1', packets: 3n, bytes: 180n }],
    }
    const after = { ...before, entries: [{ element: '10.0.0.1' }, ...ips(60).entries.slice(1)] }
    const { before: text } = setBatch(diffSets(live(before), [goal(after)]))
    const temporary = temporaryName('s')
    expect(text.split('\n').slice(0, 3)).toEqual([
      `create ${temporary} hash:ip family inet counters`,
      `add ${temporary} 10.0.0.1 packets 3 bytes 180`,
      `add ${temporary} 10.0.0.2`,
    ])
    expect(text).toMatch(new RegExp(`swap ${temporary} s\\ndestroy ${temporary}\\n$`))
    expect(temporary.length).toBeLessThanOrEqual(31)
  })

  test('never edits entries one by one where exceptions depend on each other', () => {
    const header: SetHeader = { type: 'hash:net', family: 'inet' }
    const before = { name: 's', header, entries: [{ element: '10.0.0.0/8' }] }
    const after = {
      ...before,
      entries: [...before.entries, { element: '10.1.0.0/16', nomatch: true as const }],
    }
    expect(setBatch(diffSets(live(before), [goal(after)])).before).toContain('swap')
  })

  test('fills sets before it swaps any, lists last, and destroys lists before their members', () => {
    const list: IpSet = { name: 'l', header: { type: 'list:set' }, entries: [{ element: 's' }] }
    const { before } = setBatch(diffSets(new Map(), [goal(list), goal(ips(1))]))
    expect(before).toBe(
      'create s hash:ip family inet\nadd s 10.0.0.1\ncreate l list:set\nadd l s\n',
    )
    const { after } = setBatch(diffSets(live(ips(1), list), [], ['s', 'l']))
    expect(after).toBe('destroy l\ndestroy s\n')
  })

  test('clears away what a killed fwctl has left', () => {
    const { before } = setBatch(diffSets(new Map(), [goal(ips(0))]), ['fwctl-tmp-0123'])
    expect(before).toMatch(/^destroy fwctl-tmp-0123\n/)
  })

  test('gives a set room for its entries when nobody says how much', () => {
    const headOf = (count: number): string | undefined =>
      setBatch(diffSets(new Map(), [goal(ips(count))])).before.split('\n')[0]
    expect(headOf(65_536)).toBe('create s hash:ip family inet')
    expect(headOf(65_537)).toBe('create s hash:ip family inet maxelem 131072')
  })
})

describe('timeouts', () => {
  const timed = (timeout: number | undefined, header = 60): IpSet => ({
    name: 's',
    header: { type: 'hash:ip', family: 'inet', timeout: header },
    entries: [{ element: '10.0.0.1', ...(timeout === undefined ? {} : { timeout }) }],
  })
  test.each([
    ['run down', 12, undefined, 0],
    ['are as declared', 60, 60, 0],
    ['are longer than declared', 61, 60, 1],
    ['are there where none is declared', 12, 0, 1],
    ['are not there where one is declared', 0, 60, 1],
    ['are not there, as declared', 0, 0, 0],
  ])('that %s: %s s are left of %s', (_, left, declared, changes) => {
    expect(diffSets(live(timed(left)), [goal(timed(declared))])).toHaveLength(changes)
  })
})

describe('entries of others', () => {
  const before = ips(3)
  test('stay where the policy declares none, or where rules add some', () => {
    const few = ips(1)
    expect(diffSets(live(before), [goal({ ...few, entries: [] }, 'others')])).toEqual([])
    expect(diffSets(live(before), [goal(few, 'shared')])).toEqual([])
    expect(diffSets(live(before), [goal(few)])).toMatchObject([
      { removed: before.entries.slice(1) },
    ])
  })

  test('go along when the set is made anew', () => {
    const anew = { ...before, header: { ...before.header, timeout: 5 }, entries: [] }
    const { before: text } = setBatch(diffSets(live(before), [goal(anew, 'others')]))
    expect(text.match(/^add /gm)).toHaveLength(3)
  })
})

test('a MAC address that the kernel learns is no difference', () => {
  const header: SetHeader = { type: 'bitmap:ip,mac', range: '10.0.0.0-10.0.0.255' }
  const declared = { name: 's', header, entries: [{ element: '10.0.0.5' }] }
  const learned = { ...declared, entries: [{ element: '10.0.0.5,01:02:03:04:05:06' }] }
  expect(diffSets(live(learned), [goal(declared)])).toEqual([])
})

test('a protocol by its number is the same protocol', () => {
  const header: SetHeader = { type: 'hash:ip,port', family: 'inet' }
  const declared = { name: 's', header, entries: [{ element: '10.0.0.5,tcp:80' }] }
  const numbered = { ...declared, entries: [{ element: '10.0.0.5,6:80' }] }
  expect(diffSets(live(numbered), [goal(declared)])).toEqual([])
  expect(setBatch(diffSets(new Map(), [goal(declared)])).before).toContain('add s 10.0.0.5,6:80\n')
})

describe('the law', () => {
  test('a batch, run on what is live, leads to the goal, and then there is nothing to do', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = seeded(seed)
        const type = TYPE_NAMES[random(TYPE_NAMES.length)] ?? 'hash:ip'
        const first = randomSet(type, random)
        const second = random(3) === 0 ? randomSet(type, random) : varied(first, random)
        const contents = (['exact', 'exact', 'shared', 'others'] as const)[random(4)] ?? 'exact'
        const members = [ips(0), ips(0)].map((set, i) => ({ ...set, name: `member-${'ab'[i]}` }))
        const bare = live(...members)
        const before = runRestore(bare, setBatch(diffSets(bare, [goal(first)])).before, new Set())
        const goals = [goal(contents === 'others' ? { ...second, entries: [] } : second, contents)]
        const used = new Set(canSwap(first.header, second.header) ? ['s'] : [])
        const { before: text } = setBatch(diffSets(before, goals))
        const after = runRestore(before, text, used)
        expect(diffSets(after, goals)).toEqual([])
        expect([...after.keys()].sort()).toEqual(['member-a', 'member-b', 's'])
        if (contents !== 'exact' && canSwap(first.header, second.header)) {
          const kept = new Set(after.get('s')?.entries.map(entryKey))
          const same = JSON.stringify(first.header) === JSON.stringify(second.header)
          if (same) for (const entry of first.entries) expect(kept).toContain(entryKey(entry))
        }
      }),
      { numRuns: 300 },
    )
  })
})

function randomSet(type: SetHeader['type'], random: Random): IpSet {
  const typed = randomHeader(type, random)
  const header = canonicalHeader({ ...typed, ...(random(3) === 0 ? { timeout: random(50) } : {}) })
  if (isProblem(header)) throw new Error(header.message)
  return { name: 's', header, entries: randomEntries(header, typed, random) }
}

function randomEntries(header: SetHeader, typed: SetHeader, random: Random): readonly SetEntry[] {
  const entries = new Map<string, SetEntry>()
  for (let i = 0; i < 1 + random(12); i++) {
    const nomatch = takesNomatch(header) && random(12) === 0 ? { nomatch: true as const } : {}
    const found = canonicalEntries({ element: randomEntry(typed, random), ...nomatch }, header)
    if (isProblem(found)) continue
    for (const entry of found.slice(0, 40)) {
      if (!entries.has(entryKey(entry))) entries.set(entryKey(entry), entry)
    }
  }
  return [...entries.values()]
}

/** The same set with a few entries more and a few less, and sometimes other options. */
function varied(set: IpSet, random: Random): IpSet {
  const more = randomEntries(set.header, set.header, random)
  const known = new Set(set.entries.map(entryKey))
  const kept = set.entries.filter(() => random(8) > 0)
  const added = more.filter((entry) => !known.has(entryKey(entry))).slice(0, 3)
  const header = random(5) === 0 ? { ...set.header, counters: true as const } : set.header
  return { ...set, header, entries: [...kept, ...added] }
}
