import { describe, expect, test } from 'vitest'
import { isFoundByValue, isHiddenByAnother, likeness } from '../../src/plan/by-value.ts'

describe('iptables may take one rule for another', () => {
  test.each([
    [
      'that differs in the mask of an IPv6 address',
      '-s 2001:db8::/32 -j DROP',
      '-s 2001:db8::/48 -j DROP',
    ],
    ['with two of them', '-s fd00::/8 -d fd00::/8', '-s fd00::/64 -d fd00::/128'],
    ['with no address in place of ::', '-j DROP', '-s ::/1 -j DROP'],
    [
      'that differs in a helper',
      '-p tcp -m helper --helper ftp -j X',
      '-p tcp -m helper --helper "sip" -j X',
    ],
    ['in a label', '-m connlabel --label "1" -j X', '-m connlabel ! --label "a b" --set -j X'],
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
    [
      'in another match',
      '-m helper --helper ftp -s 1.1.1.1/32',
      '-m helper --helper ftp -s 2.2.2.2/32',
    ],
    ['in what a comment says', '--comment "-s a::/1"', '--comment "-s a::/2"'],
  ])('%s', (_, one, other) => {
    expect(likeness(one)).not.toBe(likeness(other))
  })
})

test('a rule is hidden by one before it that iptables takes for it', () => {
  const rules = ['-s a::/8', '-s b::/8', '-s a::/16'].map((text) => ({ text }))
  expect([1, 2, 3].map((position) => isHiddenByAnother(rules, position))).toEqual([
    false,
    false,
    true,
  ])
})

test('some rules are not found by the text that they are saved as', () => {
  expect(isFoundByValue('-p tcp -m tcp --dport 22 -j ACCEPT')).toBe(true)
  expect(isFoundByValue('-m recent --update -j ACCEPT')).toBe(false)
})
