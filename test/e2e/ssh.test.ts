import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { type CliResult, runCli } from '../cli/run-cli.ts'
import { type FarMachine, farMachine } from './far-machine.ts'
import { BACKENDS, withoutCounters } from './namespace.ts'

const POLICY = `apiVersion: fwctl/v1
sets:
  bad: { type: "hash:ip", entries: [192.0.2.1, 192.0.2.2] }
tables:
  filter:
    chains:
      INPUT:
        rules:
          - { name: loopback, in-interface: lo, jump: ACCEPT }
          - { name: web, protocol: tcp, dport: 80, jump: WEB }
          - { name: bad ones, match: { set: { match-set: [bad, src] } }, family: ipv4, jump: DROP }
      WEB: { rules: [{ name: limited, jump: ACCEPT }] }
`
const LIVE = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
[4:240] -A INPUT -p tcp -m tcp --dport 23 -j ACCEPT
[1:60] -A INPUT -i eth7 -j DROP
COMMIT
`

function fwctl(far: FarMachine, ...argv: string[]): Promise<CliResult> {
  const words = ['--host', far.host, '--ssh-config', far.config, ...argv.slice(1)]
  return runCli([argv[0] ?? '', ...words], { cwd: far.folder, env: process.env })
}

function rules(far: FarMachine, backend = 'nft'): string {
  const save = (name: string): string => far.run(`${name}-${backend}-save`, ['-c'])
  return withoutCounters(save('iptables') + save('ip6tables'))
}

function load(far: FarMachine, backend = 'nft'): string {
  for (const name of ['iptables', 'ip6tables']) {
    far.run(`${name}-${backend}-restore`, ['--counters'], LIVE)
  }
  writeFileSync(join(far.folder, 'fwctl.yaml'), POLICY)
  return rules(far, backend)
}

async function until(what: string, isSo: () => boolean, seconds = 60): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`not within ${seconds} s: ${what}`)
    await sleep(100)
  }
}

function pending(far: FarMachine): { readonly state: string; readonly outcome: string } {
  return JSON.parse(far.run('cat', ['/var/lib/fwctl/pending.json']))
}

const isSettled = (far: FarMachine) => (): boolean => pending(far).state !== 'pending'

test('a host behind ssh is planned, changed and gone back on, and keeps its own state', async () => {
  await using far = await farMachine()
  const before = load(far)
  const plan = await fwctl(far, 'plan', '--detailed-exitcode')
  expect(plan).toMatchObject({ code: 2, stderr: '' })
  expect(rules(far)).toBe(before)

  const applied = await fwctl(far, 'apply', '--auto-approve')
  expect(applied).toMatchObject({ code: 0 })
  expect(applied.stderr).toContain(`--host ${far.host} --ssh-config ${far.config}`)
  expect(far.run('iptables-save', [])).toContain('--dport 80')
  expect(far.run('ipset', ['list', 'bad'])).toContain('192.0.2.2')
  expect(far.run('stat', ['-c', '%a', '/var/lib/fwctl', '/var/lib/fwctl/applied.json'])).toBe(
    '700\n600\n',
  )
  expect(existsSync('/var/lib/fwctl/applied.json')).toBe(false)
  expect(await fwctl(far, 'plan', '--detailed-exitcode')).toMatchObject({ code: 0 })

  far.run('iptables', ['-A', 'WEB', '-j', 'DROP'])
  const drift = await fwctl(far, 'drift')
  expect(drift.code).toBe(2)
  expect(drift.stdout).toContain('WEB')
  const imported = await fwctl(far, 'import')
  expect(imported.stdout).toContain('dport: 80')
  expect((await fwctl(far, 'snapshots')).stdout).toContain('apply fwctl.yaml')

  expect(await fwctl(far, 'rollback', '--auto-approve')).toMatchObject({ code: 0 })
  expect(rules(far)).toBe(before)
  expect(await fwctl(far, 'doctor')).toMatchObject({ code: 0 })
})

test('a namespace on a host behind ssh is looked after like one here', async () => {
  await using far = await farMachine()
  load(far)
  far.run('ip', ['netns', 'add', 'web'])
  expect(await fwctl(far, 'apply', '--auto-approve', '--netns', 'web')).toMatchObject({ code: 0 })
  expect(far.run('ip', ['netns', 'exec', 'web', 'iptables-save', []].flat())).toContain('WEB')
  expect(rules(far)).not.toContain('WEB')
  expect(far.run('ls', ['/var/lib/fwctl/targets'])).toBe('netns-web\n')
})

describe.each(BACKENDS)('a change that has to be confirmed through ssh, on %s', (backend) => {
  const apply = (far: FarMachine, within: string): Promise<CliResult> =>
    fwctl(far, 'apply', '--auto-approve', '--confirm-within', within, '--backend', backend)

  test('is kept when somebody does, and taken back to the letter when nobody does', async () => {
    await using far = await farMachine()
    const before = load(far, backend)
    expect(await apply(far, '2s')).toMatchObject({ code: 0 })
    expect(rules(far, backend)).toContain('--dport 80')
    await until('it is taken back', isSettled(far))
    expect(pending(far).outcome).toBe('nobody confirmed it in time')
    expect(rules(far, backend)).toBe(before)
    expect(far.run(`iptables-${backend}-save`, ['-c'])).toContain('[4:240] -A INPUT -p tcp')
    expect(far.run('ipset', ['list', '-n'])).toBe('')
    expect(await fwctl(far, 'confirm')).toMatchObject({ code: 4 })

    expect(await apply(far, '60s')).toMatchObject({ code: 0 })
    const changed = rules(far, backend)
    expect(await fwctl(far, 'confirm', '--backend', backend)).toMatchObject({ code: 0 })
    expect(rules(far, backend)).toBe(changed)
    expect(far.run('ls', ['/var/lib/fwctl'])).toContain('applied.json')
  })

  test('is taken back without what others have done since', async () => {
    await using far = await farMachine()
    const before = load(far, backend)
    expect(await apply(far, '3s')).toMatchObject({ code: 0 })
    const iptables = (...args: string[]): string => far.run(`iptables-${backend}`, args)
    iptables('-N', 'f2b-sshd')
    iptables('-I', 'INPUT', '1', '-p', 'tcp', '--dport', '22', '-j', 'f2b-sshd')
    iptables('-A', 'INPUT', '-s', '192.0.2.7', '-j', 'DROP')
    far.run('ipset', ['add', 'bad', '192.0.2.9'])
    await until('it is taken back', isSettled(far))
    expect(pending(far).outcome).toBe('nobody confirmed it in time')
    const kept = rules(far, backend)
    expect(kept).toMatch(/--dport 22 -j f2b-sshd\n.*-s 192.0.2.7\/32 -j DROP\n.*--dport 23/)
    iptables('-D', 'INPUT', '-p', 'tcp', '--dport', '22', '-j', 'f2b-sshd')
    iptables('-X', 'f2b-sshd')
    iptables('-D', 'INPUT', '-s', '192.0.2.7', '-j', 'DROP')
    expect(rules(far, backend)).toBe(before)
  })
})

test('a change that shuts out the very connection is taken back by the far side', async () => {
  await using far = await farMachine()
  const before = load(far)
  const shut = POLICY.replace('jump: ACCEPT', 'jump: DROP')
  writeFileSync(join(far.folder, 'fwctl.yaml'), shut)
  const applying = fwctl(far, 'apply', '--auto-approve', '--confirm-within', '2s')
  await until('it is shut', () => rules(far).includes('-A INPUT -i lo'))
  await until('it is open again', () => rules(far) === before, 90)
  far.endSessions()
  const { code, stderr } = await applying
  expect([4, 5]).toContain(code)
  expect(stderr).toMatch(/was lost|put back|rolled back/)
  await until('that is on record', isSettled(far))
  expect(pending(far).outcome).toContain('nobody confirmed it in time')
})

/** What the far ip6tables-restore does once: nothing, for a while. */
const STALLING = (folder: string): string => `
  cat > ${folder}/ip6tables-restore <<'END'
#!/bin/sh
case "$*" in *noflush*) rm ${folder}/stall 2> /dev/null && sleep 4 ;; esac
exec /usr/sbin/ip6tables-nft-restore "$@"
END
  chmod 755 ${folder}/ip6tables-restore
  ln -sf ${folder}/ip6tables-restore /etc/alternatives/ip6tables-restore`

test('a change that is cut off half-way is taken back, and frees its lock', async () => {
  await using far = await farMachine({ setUp: STALLING('/run') })
  const before = load(far)
  const apply = (): Promise<CliResult> =>
    fwctl(far, 'apply', '--auto-approve', '--confirm-within', '5s', '--rehearse', 'off')
  far.run('touch', ['/run/stall'])
  const applying = apply()
  await until('half of it is done', () => rules(far).includes('--dport 80'))
  far.endSessions()
  const { code, stderr } = await applying
  expect(code).toBe(5)
  expect(stderr).toMatch(/The connection to ssh:\/\/fwctl-far was lost while .* was running/)
  expect(stderr).toMatch(/Its watchdog takes it back by itself at 2/)

  await until('it is taken back', isSettled(far))
  expect(rules(far)).toBe(before)
  expect(await apply()).toMatchObject({ code: 0 })
  expect(await fwctl(far, 'confirm')).toMatchObject({ code: 0 })
})

test('a change that nobody has to confirm, and that is cut off, is undone by the next run', async () => {
  await using far = await farMachine({ setUp: STALLING('/run') })
  load(far)
  far.run('touch', ['/run/stall'])
  const applying = fwctl(far, 'apply', '--auto-approve', '--rehearse', 'off')
  await until('half of it is done', () => rules(far).includes('--dport 80'))
  far.endSessions()
  expect(await applying).toMatchObject({ code: 5 })
  const next = await fwctl(far, 'apply', '--auto-approve')
  expect(next).toMatchObject({ code: 0 })
  expect(next.stderr).toContain('was cut short half-way; it has been undone')
  expect(await fwctl(far, 'plan', '--detailed-exitcode')).toMatchObject({ code: 0 })
})

test('a lockdown lets in where the far host sees us come from, and a probe goes out from there', async () => {
  await using far = await farMachine()
  load(far)
  const locked = await fwctl(far, 'lockdown', '--auto-approve')
  expect(locked).toMatchObject({ code: 0 })
  expect(locked.stderr).toContain('what is established, and 127.0.0.1/32 get through')
  expect(await fwctl(far, 'clear', '--auto-approve')).toMatchObject({ code: 0 })
  const probe = ['--confirm-probe', 'tcp://127.0.0.1:2222', '--confirm-within', '60s']
  const applied = await fwctl(far, 'apply', '--auto-approve', ...probe)
  expect(applied).toMatchObject({ code: 0 })
  expect(applied.stderr).toContain('Confirmed')
  expect((await fwctl(far, 'snapshots')).stdout).toMatch(/\S+@\S+ on \S+ +lockdown\n/)
  expect(await fwctl(far, 'watch')).toMatchObject({ code: 64 })
  expect(await fwctl(far, 'watch', '--once')).toMatchObject({ code: 0 })
  expect(await fwctl(far, 'pause', '--length', '10m')).toMatchObject({ code: 0 })
  expect(await fwctl(far, 'resume')).toMatchObject({ code: 0 })
})

describe('what ssh does not let through is told', () => {
  test('a host whose key nobody knows', async () => {
    await using far = await farMachine()
    rmSync(join(far.folder, 'known_hosts'))
    const { code, stderr } = await fwctl(far, 'doctor')
    expect(code).toBe(1)
    expect(stderr).toMatch(/can not be reached: .*[Hh]ost key.*Connect once by hand/s)
    expect(existsSync(join(far.folder, 'known_hosts'))).toBe(false)
  })

  test('a user whose key is not let in', async () => {
    await using far = await farMachine({ sshd: ['PermitRootLogin no'] })
    const { code, stderr } = await fwctl(far, 'doctor')
    expect(code).toBe(1)
    expect(stderr).toMatch(/Permission denied.*fwctl types no passwords/s)
  })

  test('a login shell that reads quotes in its own way', async () => {
    const shell = '#!/bin/sh\nexec /bin/sh -c "$(printf %b "$2")"\n'
    await using far = await farMachine({ shell })
    const { code, stderr } = await fwctl(far, 'doctor')
    expect(code).toBe(3)
    expect(stderr).toContain('does not read quoted words as a POSIX shell does')
  })

  test('an sshd that allows few sessions', async () => {
    await using far = await farMachine({ sshd: ['MaxSessions 1'] })
    const { code, stderr } = await fwctl(far, 'import')
    expect(code).toBe(3)
    expect(stderr).toContain('MaxSessions')
  })

  test('a state directory that is not one there', async () => {
    await using far = await farMachine()
    load(far)
    expect(await fwctl(far, 'apply', '--auto-approve', '--state-dir', 'state')).toMatchObject({
      code: 64,
    })
  })
})
