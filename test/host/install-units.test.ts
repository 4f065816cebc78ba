import { describe, expect, test } from 'vitest'
import { isOurUnit, makeUnits, UNIT_NAMES, type UnitsInput } from '../../src/host/install-units.ts'

const INPUT: UnitsInput = { command: ['/usr/bin/fwctl'], stateDir: '/var/lib/fwctl' }

function unit(name: string, input: Partial<UnitsInput> = {}): string {
  const found = makeUnits({ ...INPUT, ...input }).find((one) => one.name === name)
  if (found === undefined) throw new Error(`no ${name}`)
  return found.text
}

test('every unit is known by name, and by its first line', () => {
  const units = makeUnits(INPUT)
  expect(units.map((one) => one.name)).toEqual(UNIT_NAMES)
  for (const { text } of units) expect(isOurUnit(text)).toBe(true)
  expect(isOurUnit('[Unit]\n')).toBe(false)
})

test('a host repairs itself only when somebody has decided so', () => {
  const enabled = makeUnits(INPUT).filter((one) => one.enable)
  expect(enabled.map((one) => one.name)).toEqual(['fwctl-restore.service', 'fwctl-drift.timer'])
})

test('the rules are there before the network is', () => {
  const text = unit('fwctl-restore.service')
  expect(text).toMatch(/^Before=network-pre\.target /m)
  expect(text).toMatch(/^Wants=network-pre\.target$/m)
  expect(text).toMatch(/^DefaultDependencies=no$/m)
  expect(text).toMatch(/^ExecStart=\/usr\/bin\/fwctl restore --state-dir \/var\/lib\/fwctl$/m)
})

test.each(UNIT_NAMES.filter((name) => name.endsWith('.service')))('%s is held in', (name) => {
  const text = unit(name)
  for (const line of [
    'CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW',
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    'ProtectHome=yes',
    'PrivateTmp=yes',
    'RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6',
    'RestrictNamespaces=yes',
    'SystemCallFilter=@system-service',
    'StateDirectory=fwctl',
    'StateDirectoryMode=0700',
  ]) {
    expect(text.split('\n')).toContain(line)
  }
  // Node could not run: it executes the code that it has compiled.
  expect(text).not.toContain('MemoryDenyWriteExecute=yes')
})

test('legacy tables need their modules before the network', () => {
  expect(unit('fwctl-restore.service', { backend: 'legacy' })).toMatch(
    /^Wants=.*modprobe@ip_tables\.service modprobe@ip6_tables\.service$/m,
  )
  expect(unit('fwctl-restore.service', { backend: 'nft' })).not.toContain('modprobe@')
})

test('a state directory elsewhere may be missing when a unit starts', () => {
  const text = unit('fwctl-watch.service', { stateDir: '/srv/fwctl' })
  expect(text).toMatch(/^ReadWritePaths=-\/srv\/fwctl \/run$/m)
  expect(text).not.toContain('StateDirectory')
})

test('a Node at home can be read', () => {
  const command = ['/root/.nvm/versions/node/v22.0.0/bin/node', '/opt/fwctl/main.js']
  expect(unit('fwctl-watch.service', { command })).toMatch(/^ProtectHome=read-only$/m)
})

describe('a path with strange characters is one word, and nothing more', () => {
  test.each([
    ['/srv/fire wall', '"/srv/fire wall"'],
    ['/srv/100%', '/srv/100%%'],
    ['/srv/$HOME', '/srv/$$HOME'],
    ['/srv/a"b\\c', '"/srv/a\\"b\\\\c"'],
    ["/srv/a'b;c", `"/srv/a'b;c"`],
  ])('%s', (policy, word) => {
    const text = unit('fwctl-drift.service', { policy })
    expect(text.split('\n')).toContain(
      `ExecStart=/usr/bin/fwctl drift ${word} --state-dir /var/lib/fwctl`,
    )
  })
})
