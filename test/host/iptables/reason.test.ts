import { expect, test } from 'vitest'
import { FwctlError } from '../../../src/base/error.ts'
import { isNotExist, type Reason, reasonOf } from '../../../src/host/iptables/reason.ts'

test.each<readonly [Reason, number, string]>([
  ['rule-not-found', 1, 'iptables: Bad rule (does a matching rule exist in that chain?).\n'],
  ['rule-not-found', 1, 'ip6tables: Bad rule (does a matching rule exist in that chain?).\n'],
  ['chain-not-found', 1, 'iptables: No chain/target/match by that name.\n'],
  [
    'chain-not-found',
    1,
    "iptables v1.8.9 (nf_tables): chain `X' in table `filter' is incompatible, use 'nft' tool.\n",
  ],
  [
    'incompatible-table',
    1,
    "iptables v1.8.9 (nf_tables): table `filter' is incompatible, use 'nft' tool.\n",
  ],
  ['incompatible-table', 3, 'Parsing nftables rule failed\n'],
  ['chain-exists', 1, 'iptables: Chain already exists.\n'],
  ['chain-exists', 1, 'iptables: File exists.\n'],
  ['chain-not-empty', 1, 'iptables: Directory not empty.\n'],
  ['chain-in-use', 1, 'iptables: Too many links.\n'],
  ['index-out-of-range', 1, 'iptables: Index of deletion too big.\n'],
  ['index-out-of-range', 2, "iptables v1.8.9 (legacy): Invalid rule number `0'\n"],
  ['target-not-found', 2, "iptables v1.8.9 (nf_tables): Chain 'X' does not exist\n"],
  [
    'target-not-found',
    2,
    "iptables v1.8.9 (legacy): Couldn't load target `X':No such file or directory\n",
  ],
  ['match-not-found', 2, "iptables v1.6.0: Couldn't load match `x':No such file or directory\n"],
  ['set-not-found', 2, "iptables v1.8.9 (legacy): Set s doesn't exist.\n"],
  [
    'table-not-found',
    3,
    "iptables v1.4.21: can't initialize iptables table `x': Table does not exist (do you need to insmod?)\n",
  ],
  [
    'refused-by-kernel',
    4,
    'iptables v1.8.9 (nf_tables):  RULE_APPEND failed (No such file or directory): rule in chain X\n',
  ],
  [
    'rule-not-found',
    4,
    'line 3: RULE_DELETE failed (No such file or directory): rule in chain B\n',
  ],
  ['refused-by-kernel', 4, 'line 3: RULE_APPEND failed (Too many links): rule in chain INPUT\n'],
  ['refused-by-kernel', 1, "iptables: Invalid argument. Run `dmesg' for more information.\n"],
  ['refused-by-kernel', 1, 'iptables: Too many levels of symbolic links.\n'],
  [
    'lock-busy',
    4,
    'Another app is currently holding the xtables lock. Perhaps you want to use the -w option?\n',
  ],
  [
    'permission',
    4,
    'iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n',
  ],
  ['invalid-rule', 2, 'iptables v1.8.9 (legacy): unknown option "--frob"\n'],
  ['unknown', 1, 'iptables-restore: line 3 failed\n'],
])('%s is what status %i means with %j', (reason, status, stderr) => {
  expect(reasonOf({ status, stderr })).toBe(reason)
  const noise = 'Another app is currently holding the lock; still 9s 0us time ahead\n'
  expect(reasonOf({ status, stderr: `${noise}${stderr}` })).toBe(reason)
})

test('only errors about what is not there are said to be that', () => {
  const error = (reason: Reason): FwctlError =>
    new FwctlError('command-failed', '', { details: { reason } })
  expect(isNotExist(error('chain-not-found'))).toBe(true)
  expect(isNotExist(error('index-out-of-range'))).toBe(false)
  expect(isNotExist(error('lock-busy'))).toBe(false)
  expect(isNotExist(new Error('chain-not-found'))).toBe(false)
})
