import { expect, test } from 'vitest'
import { readHeaders, setNames } from '../../src/host/ipsets.ts'
import { parseSave } from '../../src/iptables/save.ts'

test('the create lines come from the headers alone', () => {
  const listing = `Name: blocked
Type: hash:net
Revision: 7
Header: family inet6 hashsize 1024 maxelem 65536 timeout 60 bucketsize 12 initval 0x626279a0
Size in memory: 1240
References: 0
Number of entries: 0

Name: ports
Type: bitmap:port
Revision: 3
Header: range 0-1023
`
  expect([...readHeaders(listing)]).toEqual([
    [
      'blocked',
      'create blocked hash:net family inet6 hashsize 1024 maxelem 65536 timeout 60 bucketsize 12 initval 0x626279a0',
    ],
    ['ports', 'create ports bitmap:port range 0-1023'],
  ])
  expect(readHeaders('').size).toBe(0)
})

test('rules name sets in matches and in targets', () => {
  const { ruleset } = parseSave(
    `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m set ! --match-set one src -m set --match-set two src,dst -j DROP
-A INPUT -j SET --add-set three src --exist
-A INPUT -j SET --del-set four dst
COMMIT
`,
    { family: 'ipv4' },
  )
  expect([...setNames([ruleset])].sort()).toEqual(['four', 'one', 'three', 'two'])
})
