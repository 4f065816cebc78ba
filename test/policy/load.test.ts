import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { diskFiles } from '../../src/policy/files.ts'
import { loadPolicy } from '../../src/policy/load.ts'
import { compileText, inputRules, memoryFiles } from './compile-text.ts'

const HEAD = 'apiVersion: fwctl/v1\n'
const INPUT = 'tables: { filter: { chains: { INPUT: { rules: [ { source: office } ] } } } }\n'
const OFFICE = 'define: { addresses: { office: [10.0.0.1] } }\n'

describe('include', () => {
  test('groups, variables and chains of an included file are there as if written here', () => {
    const compiled = compileText(`${HEAD}include: [groups.yaml, "chains/*.yaml"]\n${INPUT}`, {
      '/p/groups.yaml': OFFICE,
      '/p/chains/a.yaml': 'tables: { filter: { chains: { A: { rules: [ { jump: B } ] } } } }\n',
      '/p/chains/b.yaml': `${HEAD}tables: { filter: { chains: { B: { rules: [ { jump: DROP } ] } } } }\n`,
      '/p/chains/.hidden.yaml': 'nonsense: 1\n',
      '/p/chains/readme.md': 'nonsense',
    })
    expect(compiled.diagnostics.filter((d) => d.severity === 'error')).toEqual([])
    expect(compiled.lines.filter((l) => l.startsWith('ipv4'))).toEqual([
      'ipv4 filter INPUT -s 10.0.0.1/32',
      'ipv4 filter A -j B',
      'ipv4 filter B -j DROP',
    ])
  })

  test('paths count from the file that includes', () => {
    const compiled = compileText(`${HEAD}include: [a/b.yaml]\n${INPUT}`, {
      '/p/a/b.yaml': 'include: [c.yaml, ../d.yaml]\n',
      '/p/a/c.yaml': OFFICE,
      '/p/d.yaml': 'metadata: { name: x }\n',
    })
    expect(inputRules(compiled, 'ipv4')).toEqual(['-s 10.0.0.1/32'])
  })

  test('a file that several include is read once', () => {
    const compiled = compileText(`${HEAD}include: [a.yaml, b.yaml]\n${INPUT}`, {
      '/p/a.yaml': 'include: c.yaml\n',
      '/p/b.yaml': 'include: c.yaml\n',
      '/p/c.yaml': OFFICE,
    })
    expect(inputRules(compiled, 'ipv4')).toEqual(['-s 10.0.0.1/32'])
  })

  test.each<
    [what: string, include: string, files: Readonly<Record<string, string>>, found: string]
  >([
    ['a cycle', 'a.yaml', { '/p/a.yaml': 'include: policy.yaml\n' }, 'a.yaml:1:10 include-cycle'],
    [
      'a longer cycle',
      'a.yaml',
      { '/p/a.yaml': 'include: b.yaml\n', '/p/b.yaml': 'include: a.yaml\n' },
      'b.yaml:1:10 include-cycle',
    ],
    [
      'a link that leaves the folder',
      'a.yaml',
      { '/p/a.yaml': '-> /etc/x', '/etc/x': 'a: 1\n' },
      '2:11 include-outside-root',
    ],
    ['a file outside', '../p2/a.yaml', { '/p2/a.yaml': 'a: 1\n' }, '2:11 include-outside-root'],
    ['a wildcard outside', '../*/a.yaml', { '/p2/a.yaml': 'a: 1\n' }, '2:11 include-outside-root'],
    [
      'an absolute path outside',
      '/p2/a.yaml',
      { '/p2/a.yaml': 'a: 1\n' },
      '2:11 include-outside-root',
    ],
    ['an unknown key in it', 'a.yaml', { '/p/a.yaml': 'tabels: 1\n' }, 'a.yaml:1:1 unknown-key'],
    ['a syntax error in it', 'a.yaml', { '/p/a.yaml': 'a: [\n' }, 'a.yaml:2:1 yaml-syntax'],
    [
      'what only the main file may say',
      'a.yaml',
      { '/p/a.yaml': 'ownership: { mode: exclusive }\n' },
      'a.yaml:1:1 schema',
    ],
    [
      'the same group with other members',
      'a.yaml',
      { '/p/a.yaml': 'define: { ports: { a: [1] } }\n' },
      'a.yaml:1:20 duplicate-definition',
    ],
    [
      'the same chain',
      'a.yaml',
      { '/p/a.yaml': 'tables: { filter: { chains: { INPUT: {} } } }\n' },
      'a.yaml:1:31 chain-duplicate',
    ],
    ['nothing', 'a*.yaml', {}, '2:11 include-not-found'],
  ])('reported: %s', (_, include, files, expected) => {
    const text = `${HEAD}include: ["${include}"]\ndefine: { ports: { a: [2] } }\ntables: { filter: { chains: { INPUT: {} } } }\n`
    expect(compileText(text, files).found).toEqual([expected])
  })

  test('the same group with the same members is no conflict', () => {
    const files = { '/p/a.yaml': OFFICE }
    expect(
      compileText(`${HEAD}include: a.yaml\n${OFFICE}${INPUT}`, files).found.join(),
    ).not.toContain('duplicate')
  })
})

describe('variables', () => {
  const text = `${HEAD}
variables: { net: 10.0.0.0/8, port: 22, ports: [80, 443], name: "from \${net}", needed: , on: true }
hosts: { web: { variables: { net: 10.1.0.0/16, needed: x } } }
families: [ipv4]
tables: { filter: { chains: { INPUT: { rules: [ RULE ] } } } }
`
  const compile = (rule: string, options = {}, files = {}) =>
    compileText(
      text.replace('RULE', () => rule),
      files,
      options,
    )

  test.each([
    ['{ source: "${net}" }', '-s 10.0.0.0/8'],
    ['{ protocol: tcp, dport: "${port}" }', '-p tcp -m tcp --dport 22'],
    ['{ protocol: tcp, dport: "${ports}" }', '-p tcp -m multiport --dports 80,443'],
    ['{ protocol: tcp, dport: ["${ports}", 22] }', '-p tcp -m multiport --dports 80,443,22'],
    ['{ protocol: tcp, dport: "! ${port}" }', '-p tcp -m tcp ! --dport 22'],
    ['{ name: "${name}, port ${port}" }', '-m comment --comment "from 10.0.0.0/8, port 22"'],
    ['{ name: "$${net}" }', '-m comment --comment "${net}"'],
    ['{ name: "$net $$" }', '-m comment --comment "$net $$"'],
    ['{ jump: ACCEPT, enabled: "${on}" }', '-j ACCEPT'],
    ['"-s ${net} -j ACCEPT"', '-s 10.0.0.0/8 -j ACCEPT'],
  ])('%s', (rule, expected) => {
    expect(inputRules(compile(rule), 'ipv4')).toEqual([expected])
  })

  test('the host, then files of values, then --var have the last word', () => {
    const rule = '{ source: "${net}", name: "${needed}" }'
    const files = { '/v.yaml': 'net: 10.2.0.0/16\n' }
    const sources = (options: object) =>
      inputRules(compile(rule, options, files), 'ipv4')[0]?.slice(0, 14)
    expect(compile(rule).found).toEqual(['6:75 missing-value'])
    expect(sources({ host: 'web' })).toBe('-s 10.1.0.0/16')
    expect(sources({ host: 'web', values: ['/v.yaml'] })).toBe('-s 10.2.0.0/16')
    const variables = { net: '10.3.0.0/16' }
    expect(sources({ host: 'web', values: ['/v.yaml'], variables })).toBe('-s 10.3.0.0/16')
  })

  test('--var takes numbers, truth values and lists', () => {
    const options = { variables: { port: '[1, 2]', on: 'false' } }
    expect(inputRules(compile('{ protocol: tcp, dport: "${port}" }', options), 'ipv4')).toEqual([
      '-p tcp -m multiport --dports 1,2',
    ])
    expect(inputRules(compile('{ jump: DROP, enabled: "${on}" }', options), 'ipv4')).toEqual([])
  })

  test('a value can not become more than a value', () => {
    const options = { variables: { net: '10.0.0.0/8, jump: ACCEPT }, { jump: DROP' } }
    expect(compile('{ source: "${net}" }', options).lines).toEqual([])
    const smuggled = { variables: { name: 'x\n-A INPUT -j ACCEPT' } }
    expect(compile('{ name: "${name}" }', smuggled).found).toEqual(['6:57 control-character'])
  })

  test('an unknown host is a mistake as soon as the policy knows others', () => {
    expect(compile('{}', { host: 'wbe' }).found[0]).toBe('4:1 missing-value')
  })

  test('where the policy knows no hosts at all, naming one is said to change nothing', () => {
    const { found } = compileText(`${HEAD}`, {}, { host: 'wbe' })
    expect(found).toEqual([expect.stringContaining('missing-value')])
  })

  test('includes may depend on them', () => {
    const main = `${HEAD}variables: { role: web }\ninclude: ["\${role}.yaml"]\n${INPUT}`
    expect(inputRules(compileText(main, { '/p/web.yaml': OFFICE }), 'ipv4')).toEqual([
      '-s 10.0.0.1/32',
    ])
  })
})

test('the digest covers every file and value, and nothing else', () => {
  const load = (files: Readonly<Record<string, string>>, variables = {}) =>
    loadPolicy('/p/policy.yaml', { files: memoryFiles(files), variables }).digest()
  const files = { '/p/policy.yaml': `${HEAD}include: a.yaml\n`, '/p/a.yaml': OFFICE }
  expect(load(files)).toBe(load({ ...files, '/p/other.yaml': 'x' }))
  expect(load(files)).not.toBe(load({ ...files, '/p/a.yaml': `${OFFICE}#` }))
  expect(load(files)).not.toBe(load(files, { a: '1' }))
})

describe('files on disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fwctl-policy-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const write = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const codes = (path: string) =>
    loadPolicy(path, { files: diskFiles }).diagnostics.map((d) => d.code)

  test('JSON is YAML', () => {
    const path = write(
      'a.json',
      JSON.stringify({ apiVersion: 'fwctl/v1', tables: {} }, undefined, '\t'),
    )
    expect(codes(path)).toEqual([])
  })

  test.each([
    ['a file that is not there', () => join(folder, 'none.yaml'), 'file-unreadable'],
    ['a folder', () => folder, 'file-unreadable'],
    [
      'bytes that are no text',
      () => write('b.yaml', new Uint8Array([0x61, 0xff, 0xfe])),
      'file-unreadable',
    ],
    [
      'a file over the limit',
      () => {
        const path = write('c.yaml', '')
        truncateSync(path, 100 * 1024 * 1024)
        return path
      },
      'file-too-large',
    ],
  ])('%s is refused', (_, make, code) => {
    expect(codes(make())).toEqual([code])
  })

  test('a symbolic link out of the folder is not followed', () => {
    symlinkSync('/etc/hostname', join(folder, 'link.yaml'))
    expect(codes(write('d.yaml', `${HEAD}include: [link.yaml]\n`))).toEqual([
      'include-outside-root',
    ])
  })
})
