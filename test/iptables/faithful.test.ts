import { expect, test } from 'vitest'
import { unfaithfulRules } from '../../src/iptables/faithful.ts'
import { parseSave } from '../../src/iptables/save.ts'

test('live rules that match nothing, or come back as a match for all, are found where they stand', () => {
  const dump = [
    '*filter',
    ':INPUT ACCEPT [0:0]',
    '-A INPUT ! -s 10.0.0.0/8 -j ACCEPT',
    '-A INPUT ! -i + -j DROP',
    '-A INPUT ! -s 0.0.0.0/0 -j DROP',
    '-A INPUT -p tcp -m tcp ! --dport 0:65535 -j DROP',
    '-A INPUT -j ACCEPT',
    'COMMIT',
    '',
  ].join('\n')
  const { ruleset } = parseSave(dump, { family: 'ipv4' })
  const found = unfaithfulRules(ruleset, {
    dialect: { family: 'ipv4', backend: 'legacy', version: [1, 8, 9] },
  })
  expect(found.map(({ chain, position, reason }) => [chain, position, reason.code])).toEqual([
    ['INPUT', 2, 'never-matches'],
    ['INPUT', 3, 'never-matches'],
    ['INPUT', 4, 'never-matches'],
  ])
})
