import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { CliResult } from '../cli/run-cli.ts'
import { fwctl, isSettled, load, POLICY, pending, rules, until } from './far-fwctl.ts'
import { type FarMachine, farMachine } from './far-machine.ts'
import { BACKENDS } from './namespace.ts'

describe.each(BACKENDS)('a change that has to be confirmed through ssh, on %s', (backend) => {
  const apply = (far: FarMachine, within: string): Promise<CliResult> =>
    fwctl(far, 'apply', '--auto-approve', '--confirm-within', within, '--backend', backend)

  test('is taken back to the letter when nobody does', async () => {
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

test('a change that somebody confirms through ssh stays, and is on record there', async () => {
  await using far = await farMachine()
  load(far)
  const words = ['--auto-approve', '--confirm-within', '60s']
  expect(await fwctl(far, 'apply', ...words)).toMatchObject({ code: 0 })
  const changed = rules(far)
  expect(await fwctl(far, 'confirm')).toMatchObject({ code: 0 })
  expect(rules(far)).toBe(changed)
  expect(far.run('ls', ['/var/lib/fwctl'])).toContain('applied.json')
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
  const apply = (within: string): Promise<CliResult> =>
    fwctl(far, 'apply', '--auto-approve', '--confirm-within', within, '--rehearse', 'off')
  far.run('touch', ['/run/stall'])
  const applying = apply('5s')
  await until('half of it is done', () => rules(far).includes('--dport 80'))
  far.endSessions()
  const { code, stderr } = await applying
  expect(code).toBe(5)
  expect(stderr).toMatch(/The connection to ssh:\/\/fwctl-far was lost while .* was running/)
  expect(stderr).toMatch(/Its watchdog takes it back by itself at 2/)

  await until('it is taken back', isSettled(far))
  expect(rules(far)).toBe(before)
  expect(await apply('5m')).toMatchObject({ code: 0 })
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
