import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { IPTables } from '../../src/host/iptables/client.ts'
import { sshMachine } from '../../src/host/ssh-machine.ts'
import { parseSshTarget } from '../../src/host/ssh-target.ts'
import { fwctl, load, rules } from './far-fwctl.ts'
import { farMachine } from './far-machine.ts'

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
  expect(await fwctl(far, 'watch')).toMatchObject({ code: 64 })
  expect(await fwctl(far, 'watch', '--once')).toMatchObject({ code: 0 })
  expect(await fwctl(far, 'pause', '--length', '10m')).toMatchObject({ code: 0 })
  expect(await fwctl(far, 'resume')).toMatchObject({ code: 0 })
})

test('programs drive the iptables of a host behind ssh', async () => {
  await using far = await farMachine()
  await using machine = await sshMachine(parseSshTarget(far.host), { configFile: far.config })
  const ipt = await IPTables.create({ executor: machine })
  const rule = ['-m', 'comment', '--comment', `it's "a" \\ $(false) \`x\` !`, '-j', 'ACCEPT']
  await ipt.append('filter', 'INPUT', rule)
  expect(await ipt.exists('filter', 'INPUT', rule)).toBe(true)
  await ipt.transaction((tx) => {
    for (let i = 0; i < 300; i++) {
      tx.append('filter', 'FORWARD', `-s 10.0.${i >> 8}.${i & 255} -j DROP`)
    }
  })
  expect(far.run('iptables', ['-S', 'FORWARD']).trim().split('\n')).toHaveLength(301)
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
