import { describe, expect, test } from 'vitest'
import { isFoundByValue, likeness } from '../../src/plan/by-value.ts'

describe('iptables may take one rule for another', () => {
  test.each([
    [
      'that differs in the mask of an IPv6 address',
      '-s 2001:db8::/32 -j DROP',
      '-s 2001:db8::/48 -j DROP',
    ],
    ['with two of them', '-s fd00::/8 -d fd00::/8', '-s fd00::/64 -d fd00::/128'],
    ['with no address in place of ::', '-j DROP', '-s ::/1 -j DROP'],
    ['in both places', '-d 2001:db8::/32', '-s ::/2 -d 2001:db8::/32'],
  ])('%s', (_, one, other) => {
    expect(likeness(one)).toBe(likeness(other))
  })
})

describe('iptables does not take one rule for another', () => {
  test.each([
    ['that differs in the mask of an IPv4 address', '-s 10.0.0.0/8', '-s 10.0.0.0/16'],
    ['in an IPv6 address', '-s 2001:db8::/32', '-s 2001:db9::/32'],
    ['in a negation', '-s 2001:db8::/32', '! -s 2001:db8::/32'],
    ['in which address it is', '-s 2001:db8::/32', '-d 2001:db8::/32'],
    ['in what a comment says', '--comment "-s a::/1"', '--comment "-s a::/2"'],
  ])('%s', (_, one, other) => {
    expect(likeness(one)).not.toBe(likeness(other))
  })
})

test('of some matches nothing is compared', () => {
  expect(isFoundByValue('-p tcp -m tcp --dport 22 -j ACCEPT')).toBe(true)
  expect(isFoundByValue('-m helper --helper ftp -j ACCEPT')).toBe(false)
  expect(isFoundByValue('-m connlabel --label 1 -j ACCEPT')).toBe(false)
})
