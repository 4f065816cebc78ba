import { describe, expect, test } from 'vitest'
import { headerDifferences, parseHeader, printHeader } from '../../src/ipset/header.ts'
import { parseEntry, parseSets, printEntry, printSet } from '../../src/ipset/save.ts'
import type { SetHeader } from '../../src/ipset/set.ts'

const DUMP = `create a hash:net family inet hashsize 1024 maxelem 65536 timeout 60 counters comment skbinfo bucketsize 12 initval 0x38d5a0b8
add a 10.0.0.0/8 timeout 59 nomatch packets 3 bytes 180 comment "x 'y' \\z" skbmark 0x10/0xff skbprio 1:10 skbqueue 3
create ports bitmap:port range 1-100
add ports 80
create with blank hash:ip family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x1
add with blank 10.0.0.1
create l list:set size 8
add l a
add l ports
`

describe('a dump of ipset save', () => {
  test('is read set by set, and each keeps its own lines word for word', () => {
    const { sets, unreadable } = parseSets(DUMP, (name) => name !== 'with blank')
    expect([...sets.keys()]).toEqual(['a', 'ports', 'l'])
    expect([...sets.values()].map((set) => set.text).join('')).toBe(
      DUMP.split('\n')
        .filter((line) => !line.includes('with blank'))
        .join('\n'),
    )
    expect(unreadable).toEqual([])
    expect(sets.get('a')?.entries).toEqual([
      {
        element: '10.0.0.0/8',
        timeout: 59,
        nomatch: true,
        packets: 3n,
        bytes: 180n,
        comment: "x 'y' \\z",
        skbmark: '0x10/0xff',
        skbprio: '1:10',
        skbqueue: 3,
      },
    ])
  })

  test('with an option that nobody knows is not taken for less than it is', () => {
    const { sets, unreadable } = parseSets(
      'create a hash:ip family inet frobnicate 3\n',
      () => true,
    )
    expect(sets.size).toBe(0)
    expect(unreadable).toHaveLength(1)
    expect(parseSets('create a hash:ip\nadd a 1.1.1.1 what 3\n', () => true).unreadable).toEqual([
      'add a 1.1.1.1 what 3',
    ])
  })

  test('comes out of a set as it went in, but for what the kernel makes up', () => {
    const set = parseSets(DUMP, (name) => name === 'a').sets.get('a')
    expect(set && printSet(set)).toBe(
      set?.text
        .replace(' initval 0x38d5a0b8', '')
        .replace(
          / timeout 60 counters comment skbinfo bucketsize 12/,
          ' timeout 60 bucketsize 12 counters comment skbinfo',
        ),
    )
  })
})

describe('an entry with options', () => {
  test.each([
    '10.0.0.1',
    '10.0.0.1 timeout 5',
    '10.0.0.1 comment "a b"',
    '10.0.0.0/8 timeout 0 nomatch comment "#"',
    '10.0.0.0/8,eth wildcard',
  ])('%s comes out as it went in', (text) => {
    const entry = parseEntry(text)
    expect(entry && printEntry(entry)).toBe(text)
  })

  test.each([
    '',
    '10.0.0.1 timeout',
    '10.0.0.1 timeout x',
    '10.0.0.1 comment "a',
    '10.0.0.1 more',
    '10.0.0.1 timeout 1 timeout 2',
  ])('is refused when it is broken: %j', (text) => expect(parseEntry(text)).toBeUndefined())
})

describe('the header of a set', () => {
  const parse = (text: string): SetHeader => parseHeader(text.split(' ')) as SetHeader
  test.each([
    ['hash:ip family inet hashsize 1024 maxelem 65536', 'hash:ip family inet', []],
    ['hash:ip family inet hashsize 4096', 'hash:ip family inet hashsize 1024', []],
    [
      'hash:ip family inet hashsize 64',
      'hash:ip family inet hashsize 1024',
      ['hashsize 64 => 1024'],
    ],
    ['hash:ip family inet maxelem 5', 'hash:ip family inet', ['maxelem 5 => 65536']],
    ['hash:ip family inet maxelem 5', 'hash:ip family inet maxelem 5', []],
    ['hash:ip family inet', 'hash:ip family inet6', ['family inet => inet6']],
    ['hash:ip family inet timeout 0', 'hash:ip family inet', ['timeout 0 => none']],
    ['hash:ip family inet', 'hash:ip family inet counters', ['counters off => on']],
    ['hash:ip family inet', 'hash:ip family inet forceadd', []],
    ['hash:ip,mark family inet markmask 0xffffffff', 'hash:ip,mark family inet', []],
    ['list:set size 16', 'list:set', []],
  ])('%s against %s differs in %j', (live, goal, differences) => {
    expect(headerDifferences(parse(live), parse(goal), 10)).toEqual(differences)
  })

  test('is printed in the order of ipset save', () => {
    const text = 'hash:ip family inet hashsize 64 maxelem 5 netmask 24 timeout 5 counters comment'
    expect(printHeader(parse(text))).toBe(text)
  })
})
