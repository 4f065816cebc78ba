import { describe, expect, test } from 'vitest'
import { printSet } from '../../src/ipset/save.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { loadPolicy } from '../../src/policy/load.ts'
import { missingSets } from '../../src/policy/set-rules.ts'
import { compileText, dialect, memoryFiles } from './compile-text.ts'

const MAIN = '/p/policy.yaml'

/** The sets of a policy as `ipset restore` reads them, and what was found. */
function sets(
  text: string,
  more: Readonly<Record<string, string>> = {},
): { readonly lines: readonly string[]; readonly found: readonly string[] } {
  const files = memoryFiles({ [MAIN]: `apiVersion: fwctl/v1\n${text}`, ...more })
  const { policy, diagnostics } = loadPolicy(MAIN, { files })
  const lines = (policy?.sets ?? []).flatMap(({ set }) => printSet(set).trim().split('\n'))
  const found = diagnostics.map(({ file, line, column, code }) => {
    const place = file === MAIN ? '' : `${file?.slice('/p/'.length)}:`
    return `${place}${line}:${column} ${code}`
  })
  return { lines, found }
}

describe('a declared set', () => {
  test('has its entries once, ranges taken apart, groups filled in, each family for itself', () => {
    const text = `define: { addresses: { office: [192.0.2.0/24, "2001:db8::/32"] }, ports: { web: [80, "8000:8001"] } }
sets:
  a: { type: hash:net, entries: [office, 192.0.2.9/24, 10.0.0.5-10.0.0.6] }
  b: { type: hash:net, family: ipv6, entries: [office] }
  c: { type: "hash:net,port", entries: ["office,tcp:web", "10.0.0.1,udp:53"] }
`
    expect(sets(text)).toEqual({
      lines: [
        'create a hash:net family inet',
        'add a 192.0.2.0/24',
        'add a 10.0.0.5',
        'add a 10.0.0.6',
        'create b hash:net family inet6',
        'add b 2001:db8::/32',
        'create c hash:net,port family inet',
        'add c 192.0.2.0/24,tcp:80',
        'add c 192.0.2.0/24,tcp:8000',
        'add c 192.0.2.0/24,tcp:8001',
        'add c 10.0.0.1,udp:53',
      ],
      found: [],
    })
  })

  test('has room for what its entries have', () => {
    const text = `sets:
  a: { type: hash:ip, entries: [10.0.0.1-10.0.0.2, { entry: 10.0.0.1, comment: one }, "10.0.0.3 timeout 5"] }
  b: { type: hash:ip, entries: [{ entry: 10.0.0.1, skbmark: 16, skbqueue: 0 }] }
`
    expect(sets(text)).toEqual({
      lines: [
        'create a hash:ip family inet timeout 0 comment',
        'add a 10.0.0.1 comment "one"',
        'add a 10.0.0.2',
        'add a 10.0.0.3 timeout 5',
        'create b hash:ip family inet skbinfo',
        'add b 10.0.0.1 skbmark 0x10',
      ],
      found: [],
    })
  })

  test('takes entries from files, beside the file that names them, with comments', () => {
    const text =
      'include: [sub/sets.yaml]\nsets: { a: { type: hash:ip, entries-from: lists/a.txt } }\n'
    const more = {
      '/p/lists/a.txt': '\ufeff# all\r\n10.0.0.1\r\n\r\n  10.0.0.2 comment "#1 of all" # two\r\n',
      '/p/sub/sets.yaml': 'sets: { b: { type: hash:ip, entries-from: [b.txt, ../lists/a.txt] } }\n',
      '/p/sub/b.txt': '10.0.0.9\n',
    }
    expect(sets(text, more)).toEqual({
      lines: [
        'create a hash:ip family inet comment',
        'add a 10.0.0.1',
        'add a 10.0.0.2 comment "#1 of all"',
        'create b hash:ip family inet comment',
        'add b 10.0.0.9',
        'add b 10.0.0.1',
        'add b 10.0.0.2 comment "#1 of all"',
      ],
      found: [],
    })
  })

  test('changes the digest of the policy when a file of entries changes', () => {
    const load = (entries: string): string => {
      const text = 'apiVersion: fwctl/v1\nsets: { a: { type: hash:ip, entries-from: a.txt } }\n'
      return loadPolicy(MAIN, {
        files: memoryFiles({ [MAIN]: text, '/p/a.txt': entries }),
      }).digest()
    }
    expect(load('10.0.0.1')).not.toBe(load('10.0.0.2'))
  })
})

describe('what is wrong is said where it is written', () => {
  test.each([
    ['a: { type: hash:ipp }', ['3:14 invalid-value']],
    ['a: { entries: [] }', ['3:6 missing-key']],
    ['a: { type: hash:ip, entrys: [] }', ['3:23 unknown-key']],
    ['a: { type: hash:ip, entries: }', ['3:32 wrong-type']],
    ['a: { type: hash:ip, range: 1-2 }', ['3:3 conflicting-options']],
    ['a: { type: bitmap:port }', ['3:3 missing-option']],
    ['a: { type: bitmap:ip, range: 10.0.0.0/8 }', ['3:3 invalid-value']],
    ['a: { type: hash:mac, family: inet6 }', ['3:3 conflicting-options']],
    ['a: { type: hash:ip, netmask: 33 }', ['3:3 invalid-value']],
    ['a: { type: hash:ip, timeout: 3000000 }', ['3:3 invalid-value']],
    ['a: { type: hash:ip, maxelem: 1, entries: [10.0.0.1, 10.0.0.2] }', ['3:3 invalid-value']],
    ['a b: { type: hash:ip }', ['3:3 invalid-value']],
    ['fwctl-tmp-x: { type: hash:ip }', ['3:3 invalid-value']],
    ['a-name-that-is-longer-than-31-bytes: { type: hash:ip }', ['3:3 text-too-long']],
    [
      'a: { type: hash:ip, entries: ["10.0.0.1", "::1", foo] }',
      ['3:45 family-mismatch', '3:52 unknown-group'],
    ],
    [
      'a: { type: hash:ip, entries: [{ entry: 10.0.0.1, nomatch: true }] }',
      ['3:42 conflicting-options'],
    ],
    [
      'a: { type: hash:ip, entries: [{ entry: 10.0.0.1, comment: "a\\"b" }] }',
      ['3:42 invalid-value'],
    ],
    [
      'a: { type: hash:ip, comment: false, entries: [{ entry: 10.0.0.1, comment: a }] }',
      ['3:58 conflicting-options'],
    ],
    [
      'a: { type: hash:net, entries: [10.0.0.0/8, { entry: 10.0.0.0/8, nomatch: true }] }',
      ['3:55 duplicate-definition'],
    ],
    ['a: { type: hash:ip, entries-from: none.txt }', ['3:37 include-not-found']],
    ['a: { type: hash:ip, entries-from: ../x.txt }', ['3:37 include-outside-root']],
    [
      'l: { type: list:set, entries: [m] }\n  m: { type: list:set, entries: [] }',
      ['3:3 invalid-value'],
    ],
  ])('%s: %j', (text, found) => {
    expect(sets(`sets:\n  ${text}\n`, { '/x.txt': '10.0.0.1' }).found).toEqual(found)
  })

  test('in a file of entries with its line and column, and not a thousand times', () => {
    const broken = `10.0.0.1\n  ::1\n10.0.0.1 comment "a\n${'x\n'.repeat(100)}`
    const { found } = sets('sets: { a: { type: hash:ip, entries-from: a.txt } }\n', {
      '/p/a.txt': broken,
    })
    expect(found.slice(0, 3)).toEqual([
      'a.txt:2:3 family-mismatch',
      'a.txt:3:1 invalid-value',
      'a.txt:4:1 unknown-group',
    ])
    expect(found.length).toBeLessThan(30)
  })

  test('in a binary file once', () => {
    const { found } = sets('sets: { a: { type: hash:ip, entries-from: a.txt } }\n', {
      '/p/a.txt': '\u0000\u0001\n\u0002\n',
    })
    expect(found).toEqual(['a.txt:1:1 control-character'])
  })
})

const DECLARED = `apiVersion: fwctl/v1
sets:
  four: { type: hash:ip, entries: [10.0.0.1] }
  six: { type: "hash:ip,port", family: inet6, entries: [] }
  ports: { type: bitmap:port, range: 1-9 }
  lists: { type: list:set, entries: [four] }
tables:
  filter:
    chains:
      INPUT:
        rules:
`

describe('a rule that uses a set', () => {
  test.each([
    [
      '{ match: { set: { match-set: four src } }, jump: DROP }',
      ['ipv4'],
      ['12:13 dropped-from-family'],
    ],
    [
      '{ match: { set: { match-set: [six, "src,dst"] } }, jump: DROP }',
      ['ipv6'],
      ['12:13 dropped-from-family'],
    ],
    ['"-m set --match-set four src -j DROP"', ['ipv4'], ['12:13 dropped-from-family']],
    ['{ family: ipv4, match: { set: { match-set: four src } }, jump: DROP }', ['ipv4'], []],
    ['{ match: { set: { match-set: ports dst } }, jump: DROP }', ['ipv4', 'ipv6'], []],
    ['{ match: { set: { match-set: lists src } }, jump: DROP }', ['ipv4', 'ipv6'], []],
    ['{ match: { set: { match-set: "lists src,dst" } }, jump: DROP }', ['ipv4', 'ipv6'], []],
    ['{ jump: { SET: { add-set: four src } } }', ['ipv4'], ['12:13 dropped-from-family']],
  ])('%s is there for %j, and %j is said', (rule, families, found) => {
    const compiled = compileText(`${DECLARED}          - ${rule}\n`)
    const rules = compiled.lines.filter((line) => /set /i.test(line))
    expect(rules.map((line) => line.split(' ')[0])).toEqual(families)
    expect(compiled.found).toEqual(found)
  })

  test.each([
    ['{ match: { set: { match-set: "four src,dst" } }, jump: DROP }', 'set-dimension'],
    ['{ match: { set: { match-set: six src } }, jump: DROP }', 'set-dimension'],
    ['{ family: ipv6, match: { set: { match-set: four src } }, jump: DROP }', 'family-mismatch'],
    ['"-m set --match-set four src -m set --match-set six src,dst -j DROP"', 'family-mismatch'],
  ])('%s is refused: %s', (rule, code) => {
    const { found } = compileText(`${DECLARED}          - ${rule}\n`)
    expect(found.map((one) => one.split(' ')[1])).toContain(code)
  })

  test('decides whose the entries are', () => {
    const rule = '{ jump: { SET: { add-set: four src } } }'
    const files = memoryFiles({ [MAIN]: `${DECLARED}          - ${rule}\n` })
    const { policy } = loadPolicy(MAIN, { files })
    if (policy === undefined) throw new Error('no policy')
    const { sets } = compilePolicy(policy, { dialects: { ipv4: dialect('ipv4') } })
    expect(Object.fromEntries(sets.map((goal) => [goal.set.name, goal.contents]))).toEqual({
      four: 'shared',
      six: 'exact',
      ports: 'others',
      lists: 'exact',
    })
  })
})

describe('a set that is not declared', () => {
  const external = (
    name: string,
  ): readonly { readonly severity: string; readonly hint?: string }[] => {
    const text = `${DECLARED.replace('four', 'blocked-nets')}          - { match: { set: { match-set: ${name} src } }, jump: DROP }\n`
    const { policy } = loadPolicy(MAIN, {
      files: memoryFiles({ [MAIN]: text.replace('[four]', '[]') }),
    })
    if (policy === undefined) throw new Error('no policy')
    const { externalSets } = compilePolicy(policy, { dialects: { ipv4: dialect('ipv4') } })
    return missingSets(externalSets, undefined)
  }
  test.each([
    ['elsewhere', 'warning'],
    ['bocked-nets', 'error'],
  ])('%s is a matter of %s while nobody knows the host', (name, severity) => {
    expect(external(name)).toMatchObject([{ code: 'set-missing', severity }])
  })

  test('is fine when the host has it, and an error when it has not', () => {
    const set = { name: 'there', header: { type: 'hash:ip' as const }, entries: [], text: '' }
    const live = new Map([['there', set]])
    expect(missingSets([{ name: 'there', hint: 'did you mean "three"?' }], live)).toEqual([])
    expect(missingSets([{ name: 'gone' }], live)).toMatchObject([{ severity: 'error' }])
  })
})
