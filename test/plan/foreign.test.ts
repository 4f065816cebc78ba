import { expect, test } from 'vitest'
import { isForeignChain } from '../../src/plan/foreign.ts'
import { KNOWN_TOOLS } from '../../src/policy/policy.ts'

test.each([
  'DOCKER',
  'DOCKER-USER',
  'DOCKER-ISOLATION-STAGE-1',
  'KUBE-SERVICES',
  'KUBE-ROUTER-INPUT',
  'KUBE-POD-FW-ABC',
  'cali-INPUT',
  'CILIUM_FORWARD',
  'FLANNEL-FWD',
  'f2b-sshd',
  'ufw-before-input',
  'ufw6-user-input',
  'IN_public_allow',
  'FWD_public',
  'INPUT_direct',
  'LIBVIRT_INP',
  'CNI-FORWARD',
  'NETAVARK_FORWARD',
  'ts-input',
  'CROWDSEC_CHAIN',
  'crowdsec-blacklists',
  'sshguard',
])('%s belongs to another tool', (name) => {
  expect(isForeignChain(name)).toBe(true)
})

test.each(['INPUT', 'WEB', 'docker', 'my-DOCKER', 'DOCKERS', 'f2b', 'ACCEPT', 'LOG', 'IN', ''])(
  '%s does not',
  (name) => {
    expect(isForeignChain(name)).toBe(false)
  },
)

test.each([
  ['vpn-*', 'vpn-in', true],
  ['vpn-*', 'my-vpn-in', false],
  ['*-vpn-*', 'my-vpn-in', true],
  ['*', 'anything', true],
  ['a*a', 'a', false],
  ['a*a', 'aba', true],
  ['*b*b*', 'ab', false],
  ['exact', 'exactly', false],
  ['a.c', 'abc', false],
])('the pattern %s against %s: %s', (pattern, name, expected) => {
  expect(isForeignChain(name, { ...KNOWN_TOOLS, chains: [pattern] })).toBe(expected)
})
