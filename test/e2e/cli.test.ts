import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { localExecutor } from '../../src/host/local-executor.ts'
import { takeLock } from '../../src/host/lock.ts'
import { type CliNamespace, cliNamespace } from './cli-namespace.ts'
import { withoutCounters } from './namespace.ts'

const POLICY = `apiVersion: fwctl/v1
tables:
  filter:
    chains:
      INPUT:
        policy: DROP
        rules:
          - { name: loopback, in-interface: lo, jump: ACCEPT }
          - { name: ssh, protocol: tcp, dport: 22, jump: ACCEPT }
`
const LIVE = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
[4:240] -A INPUT -p tcp -m tcp --dport 23 -j ACCEPT
COMMIT
`
const TERMINAL = { isTTY: { stdin: true, stdout: true, stderr: true }, env: { NO_COLOR: '1' } }

async function setUp(policy: string = POLICY): Promise<CliNamespace> {
  const it = await cliNamespace('nft')
  it.write('fwctl.yaml', policy)
  for (const family of ['ipv4', 'ipv6'] as const) await it.load(family, LIVE)
  return it
}

async function rules(it: CliNamespace): Promise<string> {
  return withoutCounters(`${await it.save('ipv4')}${await it.save('ipv6')}`)
}

describe('apply', () => {
  test('without a terminal and without --auto-approve shows the plan, refuses and changes nothing', async () => {
    await using it = await setUp()
    const before = await rules(it)
    const { code, stdout, stderr } = await it.fwctl(['apply'])
    expect(code).toBe(64)
    expect(stdout).toContain('Plan: ')
    expect(stderr).toContain('There is no terminal to ask on')
    expect(await rules(it)).toBe(before)
  })

  test.each([
    ['y', 0],
    ['yes', 0],
    ['n', 1],
    ['', 1],
    ['yep', 1],
  ])('asks on a terminal; the answer %j exits %i', async (answer, code) => {
    await using it = await setUp()
    const before = await rules(it)
    const result = await it.fwctl(['apply'], { ...TERMINAL, stdin: `${answer}\n` })
    expect(result.stderr).toContain('Apply these changes? [y/N] ')
    expect(result.code).toBe(code)
    expect((await rules(it)) === before).toBe(code === 1)
  })

  test('at the end of the input nothing is approved', async () => {
    await using it = await setUp()
    const { code, stderr } = await it.fwctl(['apply'], TERMINAL)
    expect(code).toBe(1)
    expect(stderr).toContain('nothing was changed')
  })

  test('tells each step, and at last how to go back; what it tells works', async () => {
    await using it = await setUp()
    const before = await rules(it)
    const { code, stderr } = await it.fwctl(['apply', '--auto-approve'])
    expect(code).toBe(0)
    expect(stderr).toMatch(/Rehearsing.*\nSaving a snapshot.*\nCommitting.*\n(.*\n)*Applied/)
    const [, id = ''] = /fwctl rollback (\S+) --netns \S+ --state-dir \S+$/m.exec(stderr) ?? []
    expect(await it.fwctl(['rollback', id, '--auto-approve'])).toMatchObject({ code: 0 })
    expect(await rules(it)).toBe(before)
  })

  test('a second time there is nothing to ask or to do', async () => {
    await using it = await setUp()
    await it.fwctl(['apply', '--auto-approve'])
    const { code, stdout } = await it.fwctl(['apply'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'No changes.\n' })
    const snapshots = await it.fwctl(['snapshots', '--format', 'json'])
    expect(JSON.parse(snapshots.stdout)).toHaveLength(1)
  })

  test('a policy with errors changes nothing and exits 1', async () => {
    await using it = await setUp(POLICY.replace('dport', 'dprot'))
    const before = await rules(it)
    const { code, stderr } = await it.fwctl(['apply', '--auto-approve'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/fwctl\.yaml:9:\d+: error.*\n(.*\n)*.*1 error\. Nothing was changed\./)
    expect(await rules(it)).toBe(before)
  })

  test('a jump to a chain that is live is fine, whoever made it', async () => {
    await using it = await setUp(
      POLICY.replace('name: ssh', 'name: mine').replace(/ACCEPT }\n$/, 'OWNED }\n'),
    )
    expect(await it.fwctl(['plan'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('OWNED'),
    })
    for (const program of ['iptables-nft', 'ip6tables-nft']) await it.run(program, ['-N', 'OWNED'])
    expect(await it.fwctl(['apply', '--auto-approve'])).toMatchObject({ code: 0 })
  })

  test('what only the kernel refuses is found in the rehearsal, with its place in the policy', async () => {
    await using it = await setUp(
      POLICY.replace(
        '- { name: ssh',
        '- "-m frobnicate --level 3 -j DROP"\n          - { name: ssh',
      ),
    )
    const before = await rules(it)
    const { code, stderr } = await it.fwctl(['apply', '--auto-approve'])
    expect(code).toBe(3)
    expect(stderr).toContain('fwctl.yaml:9:')
    expect(await rules(it)).toBe(before)
  })

  test('waits for its turn no longer than the limit: exit 75', async () => {
    await using it = await setUp()
    await it.fwctl(['snapshots'])
    const path = join(it.stateDir, 'targets', `netns-${it.name}`, 'lock')
    const lock = await takeLock(localExecutor(), path, { waitMs: 1000 })
    try {
      const { code, stderr } = await it.fwctl(['apply', '--auto-approve', '--lock-wait', '1'])
      expect(code).toBe(75)
      expect(stderr).toContain('Nothing was changed')
    } finally {
      await lock.release()
    }
  })
})

describe('a saved plan', () => {
  test('is applied exactly, without asking', async () => {
    await using it = await setUp()
    const { stdout } = await it.fwctl(['plan', '--out', 'saved.json'])
    it.write('fwctl.yaml', 'no policy any more')
    const applied = await it.fwctl(['apply', 'saved.json'])
    expect(applied.code).toBe(0)
    expect(applied.stdout).toContain(/^Plan: .*$/m.exec(stdout)?.[0])
    it.write('fwctl.yaml', POLICY)
    expect(await it.fwctl(['plan'])).toMatchObject({ stdout: 'No changes.\n' })
  })

  test('is refused with exit 3 when the live rules are others by now', async () => {
    await using it = await setUp()
    await it.fwctl(['plan', '--out', 'saved.json'])
    await it.run('iptables-nft', ['-A', 'INPUT', '-p', 'gre', '-j', 'DROP'])
    const before = await rules(it)
    const { code, stderr } = await it.fwctl(['apply', 'saved.json'])
    expect(code).toBe(3)
    expect(stderr).toMatch(/no longer those.*not touched/)
    expect(await rules(it)).toBe(before)
  })

  test.each([
    ['edited', (text: string) => text.replace('--dport 22', '--dport 23')],
    ['cut short', (text: string) => text.slice(0, 700)],
  ])('that was %s is refused with exit 3', async (_, damage) => {
    await using it = await setUp()
    await it.fwctl(['plan', '--out', 'saved.json'])
    const path = join(it.folder, 'saved.json')
    writeFileSync(path, damage(readFileSync(path, 'utf8')))
    const { code, stderr } = await it.fwctl(['apply', 'saved.json'])
    expect(code).toBe(3)
    expect(stderr).toContain('not a saved plan that can be trusted')
  })
})

describe('Ctrl-C', () => {
  test('at the question changes nothing and exits 130', async () => {
    await using it = await setUp()
    const before = await rules(it)
    const { code, stderr } = await interruptAt(it, 'Apply these changes?')
    expect(code).toBe(130)
    expect(stderr).toContain('nothing was changed')
    expect(await rules(it)).toBe(before)
  })

  test.each(['Rehearsing', 'Saving a snapshot', 'Committing'])(
    'at "%s" leaves the host as it was, exits 130 and says so; a second one is only acknowledged',
    async (step) => {
      await using it = await setUp()
      const before = await rules(it)
      const { code, stderr } = await interruptAt(it, step, ['--auto-approve'])
      expect(code).toBe(130)
      expect(stderr).toMatch(/Cancelled.*(not touched|as it was|nothing was changed)/)
      expect(stderr).toContain('a firewall is not left half-way')
      expect(await rules(it)).toBe(before)
      // Nothing is left open: the next run has nothing to clean up.
      const next = await it.fwctl(['apply', '--auto-approve'])
      expect(next).toMatchObject({ code: 0, stderr: expect.not.stringContaining('cut short') })
    },
  )

  /** Two Ctrl-C as soon as stderr says `text`. */
  async function interruptAt(it: CliNamespace, text: string, argv: readonly string[] = []) {
    let interrupt = (): void => undefined
    let said = ''
    let fired = false
    const stderr = new Writable({
      write(chunk, _encoding, done) {
        said += chunk
        if (!fired && said.includes(text)) {
          fired = true
          interrupt()
          interrupt()
        }
        done()
      },
    })
    const result = await it.fwctl(['apply', ...argv], {
      ...TERMINAL,
      // A terminal where nobody types.
      stdin: new Readable({ read: () => undefined }),
      stderr,
      onInterrupt: (listener) => {
        interrupt = listener
        return () => undefined
      },
    })
    return { ...result, stderr: said }
  }
})

describe('snapshots', () => {
  test('are listed, shown, compared and pruned', async () => {
    await using it = await setUp()
    const empty = await it.fwctl(['snapshots'])
    expect(empty).toMatchObject({ code: 0, stdout: '' })
    await it.fwctl(['apply', '--auto-approve', '--reason', 'ticket 4711'])
    it.write('fwctl.yaml', POLICY.replace('dport: 22', 'dport: 2222'))
    await it.fwctl(['apply', '--auto-approve'])

    const list = await it.fwctl(['snapshots', 'list'])
    const ids = list.stdout.split('\n').flatMap((line) => line.match(/^\S+/) ?? [])
    expect(ids).toHaveLength(2)
    expect(list.stdout).toContain('ticket 4711')

    const show = await it.fwctl(['snapshots', 'show', ids[0] ?? '', '--family', 'ipv4'])
    expect(show.stdout).toContain('[4:240] -A INPUT -p tcp -m tcp --dport 23 -j ACCEPT')

    const diff = await it.fwctl(['snapshots', 'diff', ids[0] ?? '', ids[1] ?? ''])
    expect(diff.stdout).toContain(`--- ${ids[0]}/ipv4/filter\n+++ ${ids[1]}/ipv4/filter\n`)
    expect(diff.stdout).toMatch(/^-.*--dport 23/m)
    expect(diff.stdout).toMatch(/^\+.*--dport 22 /m)
    const toLive = await it.fwctl(['snapshots', 'diff'])
    expect(toLive.stdout).toContain(`--- ${ids[1]}/ipv4/filter\n+++ live/ipv4/filter\n`)
    expect(toLive.stdout).toMatch(/^\+.*--dport 2222/m)

    expect(await it.fwctl(['snapshots', 'prune'])).toMatchObject({ code: 64 })
    expect(await it.fwctl(['snapshots', 'prune', '--keep', 'all'])).toMatchObject({ code: 64 })
    const pruned = await it.fwctl(['snapshots', 'prune', '--keep', '1'])
    expect(pruned).toMatchObject({ code: 0, stdout: `${ids[0]}\n` })
  })

  test('without one there is nothing to go back to', async () => {
    await using it = await setUp()
    expect(await it.fwctl(['rollback', '--auto-approve'])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('There is no snapshot'),
    })
  })
})

test('import of a live namespace plans to no change', async () => {
  await using it = await setUp()
  expect(await it.fwctl(['import', '--out', 'imported.yaml'])).toMatchObject({ code: 0 })
  const { stdout } = await it.fwctl(['plan', 'imported.yaml'])
  expect(stdout).toBe('No changes.\n')
})

test('plan --rehearse tries it, and validate --kernel asks the kernel', async () => {
  await using it = await setUp()
  const planned = await it.fwctl(['plan', '--rehearse'])
  expect(planned).toMatchObject({ code: 0, stderr: expect.stringContaining('Rehearsed') })
  const valid = await it.fwctl(['validate', '--kernel'])
  expect(valid).toMatchObject({ code: 0, stderr: 'The kernel takes it.\n' })
})

test('the log tells what was run, and no rule or value', async () => {
  await using it = await setUp(POLICY.replace('dport: 22', 'dport: "${secret}"'))
  const argv = ['plan', '--var', 'secret=31337', '--log-level', 'trace']
  const json = await it.fwctl([...argv, '--log-format', 'json'])
  const lines = json.stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.map((line) => line.msg)).toContain('ran')
  expect(json.stderr).not.toContain('31337')
  const pretty = await it.fwctl(argv)
  expect(pretty.stderr).toMatch(/^\d\d:\d\d:\d\d\.\d{3} debug ran program=.*iptables/m)
  expect((await it.fwctl(argv.slice(0, 3))).stderr).toBe('')
})

test('a policy that comes through a pipe is applied as one from a file', async () => {
  await using host = await cliNamespace('nft')
  const policy = (port: number): string =>
    `apiVersion: fwctl/v1\nfamilies: [ipv4]\ntables: { filter: { chains: { own: { rules: [{ protocol: tcp, dport: ${port}, jump: ACCEPT }] } } } }\n`
  const pipe = join(host.folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  for (const [port, verb] of [
    [1, ['apply', pipe, '--auto-approve']],
    [1, ['plan', pipe, '--detailed-exitcode']],
    [2, ['apply', pipe, '--auto-approve']],
  ] as const) {
    host.write('policy.yaml', policy(port))
    const writing = spawn('sh', ['-c', `cat policy.yaml >pipe`], { cwd: host.folder })
    expect(await host.fwctl([...verb])).toMatchObject({ code: 0 })
    expect(writing.exitCode ?? (await once(writing, 'exit'))[0]).toBe(0)
    expect(await host.save('ipv4')).toContain(`--dport ${port} `)
  }
})
