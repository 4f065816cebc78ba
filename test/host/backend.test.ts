import { expect, test } from 'vitest'
import { detectBackend, parseVersion, requireTools } from '../../src/host/backend.ts'
import type { Executor } from '../../src/host/executor.ts'

test.each([
  ['iptables-save v1.8.9 (nf_tables)\n', 'nft', [1, 8, 9]],
  ['iptables-save v1.8.9 (legacy)\n', 'legacy', [1, 8, 9]],
  ['iptables-save v1.6.1\n', 'legacy', [1, 6, 1]],
  ['iptables v1.8 (nf_tables)\n', 'nft', [1, 8, 0]],
])('"%s" is understood', (text, backend, version) => {
  expect(parseVersion(text, 'ipv4')).toEqual({ family: 'ipv4', backend, version })
})

test.each(['', 'BusyBox', 'iptables v1.8.9 (ebpf)'])('"%s" is not a version', (text) => {
  expect(parseVersion(text, 'ipv4')).toBeUndefined()
})

/** A host where these programs say these versions. */
function host(programs: Readonly<Record<string, string>>): Executor {
  return {
    label: 'a made-up host',
    find: async (program) => (program in programs ? `/usr/sbin/${program}` : undefined),
    readFile: async () => undefined,
    run: async ({ program }) => ({
      status: 0,
      stdout: programs[program.replace('/usr/sbin/', '')] ?? '',
      stderr: '',
    }),
    hold: () => Promise.reject(new Error('not here')),
  }
}

const NFT = 'v1.8.9 (nf_tables)'
const LEGACY = 'v1.8.9 (legacy)'

test('auto takes what the plain programs are, for each family', async () => {
  const found = await detectBackend(
    host({
      'iptables-save': NFT,
      'iptables-restore': NFT,
      'ip6tables-save': LEGACY,
      'ip6tables-restore': LEGACY,
    }),
  )
  expect(found.families.ipv4?.dialect.backend).toBe('nft')
  expect(found.families.ipv6?.dialect.backend).toBe('legacy')
})

test('a chosen back end may be the plain programs, when those are it', async () => {
  const programs = { 'iptables-save': LEGACY, 'iptables-restore': LEGACY }
  const found = await detectBackend(host(programs), 'legacy')
  expect(found.families.ipv4?.save).toBe('/usr/sbin/iptables-save')
  const other = await detectBackend(host(programs), 'nft')
  expect(other.missing.ipv4).toContain('of the nft back end are not installed')
})

test('a save and a restore of different back ends are not used together', async () => {
  const found = await detectBackend(host({ 'iptables-save': NFT, 'iptables-restore': LEGACY }))
  expect(found.families.ipv4).toBeUndefined()
  expect(() => requireTools(found, 'ipv4')).toThrow(
    'is nft but /usr/sbin/iptables-restore is legacy',
  )
})
