import { expect, test } from 'vitest'
import { readRefusal } from '../../src/host/restore.ts'

/** As seen with iptables 1.8.9. */
test.each([
  [
    'iptables-nft-restore v1.8.9 (nf_tables): \nline 3: RULE_APPEND failed (Invalid argument): rule in chain FORWARD\n',
    [3],
    'line 3: RULE_APPEND failed (Invalid argument): rule in chain FORWARD',
  ],
  [
    'iptables-nft-restore v1.8.9 (nf_tables): \nline 6: RULE_APPEND failed (Too many links): rule in chain INPUT\nline 7: RULE_APPEND failed (Too many links): rule in chain INPUT\n',
    [6, 7],
    'line 6: RULE_APPEND failed (Too many links): rule in chain INPUT; line 7: RULE_APPEND failed (Too many links): rule in chain INPUT',
  ],
  ['iptables-restore: line 4 failed\n', [4], 'line 4 failed'],
  [
    'iptables-nft-restore: line 3 failed: Index of deletion too big.\n',
    [3],
    'line 3 failed: Index of deletion too big.',
  ],
  [
    "ip6tables-restore v1.8.9 (legacy): Couldn't load target `NOPE':No such file or directory\n\nError occurred at line: 3\nTry `ip6tables-restore -h' or 'ip6tables-restore --help' for more information.\n",
    [3],
    "Couldn't load target `NOPE':No such file or directory",
  ],
  ['', [], 'iptables-restore failed without a word'],
])('what iptables-restore says leads to the lines that it means (%#)', (stderr, lines, message) => {
  expect(readRefusal(stderr)).toEqual({ lines, message })
})
