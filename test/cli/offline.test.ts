import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runCli, temporaryFolder } from './run-cli.ts'

const POLICY = `apiVersion: fwctl/v1
tables:
  filter:
    chains:
      INPUT:
        policy: DROP
        rules:
          - { name: ssh, protocol: tcp, dport: 22, jump: ACCEPT }
`
const DUMP = `*filter
:INPUT ACCEPT [5:300]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
[3:180] -A INPUT -p tcp -m tcp --dport 23 -j ACCEPT
COMMIT
`
/** What POLICY comes to. */
const SAME = `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m comment --comment ssh -m tcp --dport 22 -j ACCEPT
COMMIT
`

/** A folder with a policy and dumps, and the means to run fwctl in it. */
function setUp(files: Readonly<Record<string, string>> = {}) {
  const folder = temporaryFolder()
  const all = { 'fwctl.yaml': POLICY, 'live.rules': DUMP, 'same.rules': SAME, ...files }
  for (const [name, text] of Object.entries(all)) writeFileSync(join(folder.path, name), text)
  return {
    path: (name: string) => join(folder.path, name),
    read: (name: string) => readFileSync(join(folder.path, name), 'utf8'),
    fwctl: (argv: readonly string[], options: Parameters<typeof runCli>[1] = {}) =>
      runCli(argv, { cwd: folder.path, ...options }),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  }
}

const BROKEN = POLICY.replace('dport: 22', 'dprot: 22').replace('jump: ACCEPT', 'jump: ACEPT')

describe('validate', () => {
  test('says on stdout what a good policy comes to', async () => {
    using it = setUp()
    const { code, stdout, stderr } = await it.fwctl(['validate'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe(
      'fwctl.yaml is valid: IPv4 1 table, 1 chain, 1 rule; IPv6 1 table, 1 chain, 1 rule.\n',
    )
  })

  test('shows each finding with its place, its line and a hint, all at once', async () => {
    using it = setUp({ 'fwctl.yaml': BROKEN })
    const { code, stdout, stderr } = await it.fwctl(['validate'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('fwctl.yaml:8:41: error: unknown key "dprot"')
    expect(stderr).toContain('    8 |           - { name: ssh, protocol: tcp, dprot: 22')
    expect(stderr).toMatch(/^ {6}\| +\^$/m)
    expect(stderr).toContain('hint: did you mean "dport"?')
    expect(stderr).toContain('ACEPT')
  })

  test('gives the findings to programs as JSON', async () => {
    using it = setUp({ 'fwctl.yaml': BROKEN })
    const { code, stdout } = await it.fwctl(['validate', '--format', 'json'])
    expect(code).toBe(1)
    const [first] = JSON.parse(stdout).diagnostics
    expect(first).toMatchObject({ code: 'unknown-key', file: 'fwctl.yaml', line: 8, column: 41 })
  })

  test('reads a policy from stdin, and JSON as well', async () => {
    using it = setUp()
    const json = JSON.stringify({ apiVersion: 'fwctl/v1', tables: { filter: {} } })
    const { code, stdout } = await it.fwctl(['validate', '-'], { stdin: json })
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: /valid/ })
  })

  test('a policy that is not there is an error with its name', async () => {
    using it = setUp()
    const { code, stderr } = await it.fwctl(['validate', 'none.yaml'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/none\.yaml.*no such file/)
  })

  test('a jump to a chain that neither the policy nor a known tool has is an error', async () => {
    using it = setUp({ 'fwctl.yaml': POLICY.replace('jump: ACCEPT', 'jump: WEB') })
    expect(await it.fwctl(['validate'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no chain "WEB"'),
    })
    using docker = setUp({ 'fwctl.yaml': POLICY.replace('jump: ACCEPT', 'jump: DOCKER-USER') })
    expect(await docker.fwctl(['validate'])).toMatchObject({ code: 0 })
  })
})

describe('colours', () => {
  const coloured = { 'fwctl.yaml': BROKEN }
  const anyColour = '\u001b['

  test.each([
    ['no terminal', {}, [], false],
    ['a terminal', { isTTY: { stdin: true, stdout: true, stderr: true } }, [], true],
    ['FORCE_COLOR without a terminal', { env: { FORCE_COLOR: '1' } }, [], true],
    ['FORCE_COLOR=0 on a terminal', tty({ FORCE_COLOR: '0' }), [], false],
    ['NO_COLOR on a terminal', tty({ NO_COLOR: '1' }), [], false],
    ['an empty NO_COLOR on a terminal', tty({ NO_COLOR: '' }), [], true],
    ['a dumb terminal', tty({ TERM: 'dumb' }), [], false],
    ['--no-color on a terminal', tty({}), ['--no-color'], false],
    ['--no-color against FORCE_COLOR', { env: { FORCE_COLOR: '1' } }, ['--no-color'], false],
  ])('with %s', async (_, options, argv, expected) => {
    using it = setUp(coloured)
    const { stderr } = await it.fwctl(['validate', ...argv], options)
    expect(stderr.includes(anyColour)).toBe(expected)
  })

  function tty(env: Readonly<Record<string, string>>) {
    return { env, isTTY: { stdin: true, stdout: true, stderr: true } }
  }
})

describe('plan', () => {
  test('needs no root and leaves IPv6 alone when only --live4 is given', async () => {
    using it = setUp()
    const { code, stdout, stderr } = await it.fwctl(['plan', '--live4', 'live.rules'], {
      uid: 1000,
    })
    expect(code).toBe(0)
    expect(stdout).toMatch(/Plan: .*1 chain policy\.\n$/)
    expect(stdout).not.toContain('IPv6')
    expect(stderr).toBe('IPv6 is not looked at: there is no --live6.\n')
  })

  test('reads the dump from stdin', async () => {
    using it = setUp()
    const [file, stdin] = [
      await it.fwctl(['plan', '--live4', 'live.rules']),
      await it.fwctl(['plan', '--live4', '-'], { stdin: DUMP }),
    ]
    expect(stdin.stdout).toBe(file.stdout)
  })

  test('--detailed-exitcode tells whether changes are pending', async () => {
    using it = setUp()
    const codes = await Promise.all(
      ['live.rules', 'same.rules'].map(async (dump) => {
        const { code } = await it.fwctl(['plan', '--live4', dump, '--detailed-exitcode'])
        return code
      }),
    )
    expect(codes).toEqual([2, 0])
    expect((await it.fwctl(['plan', '--live4', 'live.rules'])).code).toBe(0)
  })

  test('as JSON has no changes when there is nothing to do', async () => {
    using it = setUp()
    const { stdout } = await it.fwctl(['plan', '--live4', 'same.rules', '--format', 'json'])
    expect(JSON.parse(stdout)).toMatchObject({ formatVersion: '1.0', changes: [] })
    const pending = await it.fwctl(['plan', '--live4', 'live.rules', '--format', 'json'])
    expect(JSON.parse(pending.stdout).changes).toHaveLength(2)
  })

  test.each(['markdown', 'diff'])('has a %s form', async (format) => {
    using it = setUp()
    const { code, stdout } = await it.fwctl(['plan', '--live4', 'live.rules', '--format', format])
    expect(code).toBe(0)
    expect(stdout).toContain('--dport 22')
  })

  test('--out saves it and still shows it', async () => {
    using it = setUp()
    const argv = ['plan', '--live4', 'live.rules', '--out', 'saved.json']
    const { stdout, stderr } = await it.fwctl(argv)
    expect(stdout).toContain('Plan:')
    expect(stderr).toContain('fwctl apply saved.json')
    expect(JSON.parse(it.read('saved.json'))).toMatchObject({ kind: 'fwctl-plan' })
    expect(statSync(it.path('saved.json')).mode & 0o777).toBe(0o600)
  })

  test.each([
    ['a dump without COMMIT', DUMP.replace('COMMIT\n', ''), 'COMMIT'],
    ['an incompatible table', "# Table `filter' is incompatible, use 'nft' tool.\n", 'filter'],
    ['something else', 'hello\n', 'line 1'],
  ])('%s is refused, never taken for an empty table', async (_, dump, message) => {
    using it = setUp({ 'bad.rules': dump })
    const { code, stdout, stderr } = await it.fwctl(['plan', '--live4', 'bad.rules'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr).toContain('Nothing was changed')
  })

  test('of two families from one stdin is refused', async () => {
    using it = setUp()
    const { code, stderr } = await it.fwctl(['plan', '--live4', '-', '--live6', '-'])
    expect(code).toBe(64)
    expect(stderr).toContain('Only one of --live4 and --live6')
  })

  test('--quiet leaves only warnings and errors on stderr', async () => {
    using it = setUp()
    const { stderr } = await it.fwctl(['plan', '--live4', 'live.rules', '--quiet'])
    expect(stderr).toBe('')
  })

  test('variables come from files and options, the option last', async () => {
    using it = setUp({
      'fwctl.yaml': POLICY.replace('dport: 22', 'dport: "${port}"'),
      'values.yaml': 'port: 2222\n',
    })
    const argv = ['render', '--family', 'ipv4', '--values', 'values.yaml']
    expect((await it.fwctl(argv)).stdout).toContain('--dport 2222')
    expect((await it.fwctl([...argv, '--var', 'port=22022'])).stdout).toContain('--dport 22022')
    expect((await it.fwctl(['render'])).stderr).toContain('port')
  })
})

describe('render', () => {
  test('lists every built-in chain with its policy, which a full restore would reset', async () => {
    using it = setUp()
    const { stdout } = await it.fwctl(['render', '--family', 'ipv4'])
    expect(stdout).toBe(SAME)
  })

  test('--out writes the file', async () => {
    using it = setUp()
    const { stdout } = await it.fwctl(['render', '--family', 'ipv4', '--out', 'out.rules'])
    expect(stdout).toBe('')
    expect(it.read('out.rules')).toBe(SAME)
  })

  test('a file that can not be written is an error, not a bug', async () => {
    using it = setUp()
    const { code, stderr } = await it.fwctl(['render', '--out', 'none/out.rules'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/none\/out\.rules: there is no such file or directory/)
  })
})

describe('import', () => {
  test('of an IPv4 dump is for IPv4 alone and plans to no change', async () => {
    using it = setUp()
    const { stdout } = await it.fwctl(['import', '--live4', 'live.rules'])
    expect(stdout).toContain('families: [ipv4]')
    writeFileSync(it.path('imported.yaml'), stdout)
    const plan = await it.fwctl(['plan', 'imported.yaml', '--live4', 'live.rules'])
    expect(plan.stdout).toBe('No changes.\n')
  })
})

describe('import of what a policy may not hold', () => {
  test('says so at once, and where', async () => {
    const comment = '-A INPUT -m comment --comment "a\tb" -j ACCEPT\nCOMMIT'
    using it = setUp({ 'tab.rules': DUMP.replace('COMMIT', comment) })
    const { code, stdout, stderr } = await it.fwctl(['import', '--live4', 'tab.rules'])
    expect(code).toBe(0)
    expect(stdout).toContain('a\\tb')
    expect(stderr).toMatch(/^imported:\d+:\d+: warning: .*control character/)
  })
})

describe('what is read', () => {
  test('a policy and a dump can not both be stdin', async () => {
    using it = setUp()
    const argv = ['plan', '-', '--live4', '-']
    const { code, stdout, stderr } = await it.fwctl(argv, { stdin: POLICY })
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
    expect(stderr).toContain('Only one file can be read from stdin')
  })

  test('all that is wrong with a dump is said, with its lines', async () => {
    using it = setUp({ 'bad.rules': '*filter\n-A X -j DROP\nhello\nCOMMIT\n*nat\n' })
    const { code, stderr } = await it.fwctl(['plan', '--live4', 'bad.rules'])
    expect(code).toBe(1)
    for (const line of [2, 3, 5]) expect(stderr).toContain(`bad.rules:${line}:1: error: `)
    expect(stderr).toMatch(/^fwctl: bad\.rules, line 2: .* \(and 2 more\)\. .*Nothing was changed/m)
  })

  test('a misspelt --var is refused: the default would be applied instead', async () => {
    using it = setUp({
      'vars.yaml': POLICY.replace('dport: 22', 'dport: "${port}"').replace(
        'tables:',
        'variables: { port: 22 }\ntables:',
      ),
    })
    const { code, stderr } = await it.fwctl(['validate', 'vars.yaml', '--var', 'prot=23'])
    expect(code).toBe(1)
    expect(stderr).toContain('--var prot: the policy has no variable of that name')
    expect(stderr).toContain('did you mean "port"?')
    const used = await it.fwctl(['render', 'vars.yaml', '--family', 'ipv4', '--var', 'port=23'])
    expect(used.stdout).toContain('--dport 23 ')
  })
})

describe('fmt', () => {
  const MESSY = `{apiVersion: fwctl/v1,   tables: {filter: {}}}\n`

  test('--check exits 1 for a file that is not formatted, and leaves it', async () => {
    using it = setUp({ 'messy.yaml': MESSY })
    const { code, stdout, stderr } = await it.fwctl(['fmt', '--check', 'messy.yaml'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('not formatted')
    expect(it.read('messy.yaml')).toBe(MESSY)
  })

  test('--write formats it in place, keeps its mode, and then it is formatted', async () => {
    using it = setUp({ 'messy.yaml': MESSY })
    const mode = () => statSync(it.path('messy.yaml')).mode
    const before = mode()
    expect(await it.fwctl(['fmt', '--write', 'messy.yaml'])).toMatchObject({ code: 0 })
    expect(it.read('messy.yaml')).not.toBe(MESSY)
    expect(mode()).toBe(before)
    expect(await it.fwctl(['fmt', '--check', 'messy.yaml'])).toMatchObject({ code: 0 })
  })

  test('without either it prints the result', async () => {
    using it = setUp({ 'messy.yaml': MESSY })
    const { stdout } = await it.fwctl(['fmt', 'messy.yaml'])
    expect(stdout).not.toBe(MESSY)
    expect(it.read('messy.yaml')).toBe(MESSY)
  })

  test('what is no YAML is refused with its place', async () => {
    using it = setUp({ 'bad.yaml': 'a: [1\n' })
    const { code, stderr } = await it.fwctl(['fmt', '--write', 'bad.yaml'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/bad\.yaml:\d+:\d+: error/)
  })
})
