import { expect, test } from 'vitest'
import { parseStat } from '../../../src/host/iptables/stats.ts'

test('a row of iptables -L is read, whatever the version printed', () => {
  expect(
    parseStat([
      '42',
      '2048',
      'foo',
      'tcp',
      '--',
      'eth0',
      '*',
      '10.1.2.3/8',
      '!192.0.2.1',
      'dpt:80',
    ]),
  ).toEqual({
    packets: 42n,
    bytes: 2048n,
    target: 'foo',
    protocol: 'tcp',
    opt: '--',
    input: 'eth0',
    output: '*',
    source: { negated: false, network: '10.0.0.0/8' },
    destination: { negated: true, network: '192.0.2.1/32' },
    options: 'dpt:80',
  })
  const six = ['0', '0', '', '0', '', '*', '*', '2001:db8::1/64', '::/0', '']
  expect(parseStat(six)).toMatchObject({
    target: '',
    source: { network: '2001:db8::/64' },
    destination: { network: '::/0' },
  })
})

test.each([
  ['too short', ['0', '0', 'ACCEPT']],
  ['no number', ['x', '0', 'ACCEPT', '0', '--', '*', '*', '0.0.0.0/0', '0.0.0.0/0', '']],
  ['a hexadecimal number', ['0x1', '0', 'A', '0', '--', '*', '*', '0.0.0.0/0', '0.0.0.0/0', '']],
  ['no network', ['0', '0', 'ACCEPT', '0', '--', '*', '*', 'host', '0.0.0.0/0', '']],
  ['no address', ['0', '0', 'ACCEPT', '0', '--', '*', '*', '', '0.0.0.0/0', '']],
])('a row with %s is refused', (_, row) => {
  expect(() => parseStat(row)).toThrow('Not a row of statistics')
})
