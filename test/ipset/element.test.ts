import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalElements } from '../../src/ipset/element.ts'
import { canonicalHeader } from '../../src/ipset/header.ts'
import { isProblem } from '../../src/ipset/problem.ts'
import type { SetHeader, SetTypeName } from '../../src/ipset/set.ts'
import { randomEntry, randomHeader, seeded, TYPE_NAMES } from './random-set.ts'

function header(text: string): SetHeader {
  const [type = '', ...options] = text.split(' ')
  const pairs = Object.fromEntries(options.map((option) => option.split('=')))
  const { netmask, ...rest } = pairs
  const given = { type: type as SetTypeName, ...rest, ...(netmask && { netmask: Number(netmask) }) }
  const canonical = canonicalHeader(given)
  if (isProblem(canonical)) throw new Error(canonical.message)
  return canonical
}

describe('an entry is kept in the words of ipset save', () => {
  test.each([
    ['hash:ip', '192.0.2.1', '192.0.2.1'],
    ['hash:ip', '192.0.2.1/32', '192.0.2.1'],
    ['hash:ip', '192.0.2.1-192.0.2.3', '192.0.2.1 192.0.2.2 192.0.2.3'],
    ['hash:ip', '192.0.2.9/30', '192.0.2.8 192.0.2.9 192.0.2.10 192.0.2.11'],
    ['hash:ip', '192.0.2.3-192.0.2.2', '192.0.2.2 192.0.2.3'],
    ['hash:ip netmask=24', '10.0.0.9/23', '10.0.0.0 10.0.1.0'],
    ['hash:ip bitmask=255.0.255.0', '10.9.8.7', '10.0.8.0'],
    ['hash:ip family=inet6', '2001:DB8:0::1', '2001:db8::1'],
    ['hash:ip family=inet6', '::ffff:1.2.3.4', '::ffff:1.2.3.4'],
    ['hash:ip family=inet6 netmask=64', '2001:db8:1:2:3::1', '2001:db8:1:2::'],
    ['hash:net', '192.168.0/24', '192.168.0.0/24'],
    ['hash:net', '10.1.2.3/8', '10.0.0.0/8'],
    ['hash:net', '10.2.0.5-10.2.0.9', '10.2.0.5 10.2.0.6/31 10.2.0.8/31'],
    ['hash:net', '0.0.0.0/1', '0.0.0.0/1'],
    ['hash:net family=inet6', '2001:db8::1/32', '2001:db8::/32'],
    ['hash:net,net', '10.1.2.3/24,10.0.0.1', '10.1.2.0/24,10.0.0.1'],
    ['hash:ip,port', '10.0.0.1,80', '10.0.0.1,tcp:80'],
    ['hash:ip,port', '10.0.0.1,udp:[domain]', '10.0.0.1,udp:53'],
    ['hash:ip,port', '10.0.0.1,17:53-54', '10.0.0.1,udp:53 10.0.0.1,udp:54'],
    ['hash:ip,port', '10.0.0.1,icmp:8/0', '10.0.0.1,icmp:echo-request'],
    ['hash:ip,port', '10.0.0.1,1:99/1', '10.0.0.1,icmp:99/1'],
    ['hash:ip,port', '10.0.0.1,112:0', '10.0.0.1,vrrp:0'],
    ['hash:ip,port', '10.0.0.1,200:0', '10.0.0.1,200:0'],
    ['hash:ip,port family=inet6', '2001:db8::1,icmpv6:pong', '2001:db8::1,ipv6-icmp:echo-reply'],
    ['hash:net,port', '10.0.0.0/31,sctp:9', '10.0.0.0/31,sctp:9'],
    [
      'hash:ip,port,ip',
      '10.0.0.0/31,80,10.0.0.9',
      '10.0.0.0,tcp:80,10.0.0.9 10.0.0.1,tcp:80,10.0.0.9',
    ],
    ['hash:ip,port,net', '10.0.0.1,80,10.9.9.9/16', '10.0.0.1,tcp:80,10.9.0.0/16'],
    ['hash:net,port,net', '0.0.0.0/0,udp:53,10.0.0.1/8', '0.0.0.0/0,udp:53,10.0.0.0/8'],
    ['hash:net,iface', '0.0.0.0/0,physdev:eth0', '0.0.0.0/0,physdev:eth0'],
    ['hash:mac', 'a:b:c:d:e:f', '0A:0B:0C:0D:0E:0F'],
    ['hash:ip,mac', '10.0.0.1,01:02:03:aa:bb:cc', '10.0.0.1,01:02:03:AA:BB:CC'],
    ['hash:ip,mark', '10.0.0.1,99', '10.0.0.1,0x00000063'],
    ['hash:ip,mark markmask=0xff00', '10.0.0.1,0x1234', '10.0.0.1,0x00001200'],
    ['bitmap:ip range=10.0.0.0/24', '10.0.0.8/31', '10.0.0.8 10.0.0.9'],
    ['bitmap:ip range=10.0.0.0/16 netmask=24', '10.0.5.7', '10.0.5.0'],
    ['bitmap:ip,mac range=10.0.0.0/24', '10.0.0.7', '10.0.0.7'],
    ['bitmap:port range=1-1024', 'tcp:http-82', '80 81 82'],
    ['list:set', 'other', 'other'],
  ])('%s: %s is %s', (type, entry, kept) => {
    expect(canonicalElements(entry, header(type))).toEqual(kept.split(' '))
  })
})

describe('what the kernel refuses, or keeps with another meaning, is refused', () => {
  test.each([
    ['hash:ip', '10.1', 'invalid-value', 'two meanings: 10.1.0.0 and 10.0.0.1'],
    ['hash:ip', '010.0.0.1', 'octal-address', 'an octal number'],
    ['hash:ip', '0.0.0.0', 'invalid-value', 'no hash stores zero'],
    ['hash:ip', '0.0.0.0/30', 'invalid-value', 'zero is among them'],
    ['hash:ip', '10.0.0.0/8', 'invalid-value', 'sixteen million entries'],
    ['hash:ip', 'example.org', 'unknown-group', 'a host name'],
    ['hash:ip', '2001:db8::1', 'family-mismatch', 'the other family'],
    ['hash:ip', '10.0.0.1,80', 'invalid-value', 'too many parts'],
    ['hash:ip family=inet6', '10.0.0.1', 'family-mismatch', 'the other family'],
    ['hash:ip family=inet6', '2001:db8::/64', 'invalid-value', 'several addresses'],
    ['hash:ip family=inet6', '2001:db8::1-2001:db8::2', 'invalid-value', 'a range of IPv6'],
    ['hash:ip family=inet6', 'fe80::1%eth0', 'invalid-value', 'a zone'],
    ['hash:ip bitmask=255.0.255.0', '10.0.0.4/30', 'never-matches', 'stored without the mask'],
    ['hash:ip netmask=24', '10.0.1.0-10.0.0.0', 'changes-meaning', 'cut before it is turned round'],
    ['hash:net', '0.0.0.0/0', 'invalid-value', 'everything'],
    ['hash:net', '0.0.0.0-255.255.255.255', 'invalid-value', 'everything'],
    ['hash:net', '10.0.0.0/255.0.0.0', 'invalid-value', 'a mask'],
    ['hash:net', '10.0.0.0/33', 'invalid-value', 'too long a prefix'],
    ['hash:ip,port', '10.0.0.1', 'invalid-value', 'a part is missing'],
    ['hash:ip,port', '10.0.0.1,65536', 'invalid-value', 'no such port'],
    ['hash:ip,port', '10.0.0.1,080', 'invalid-value', 'an octal number'],
    ['hash:ip,port', '10.0.0.1,gre:5', 'invalid-value', 'no ports'],
    ['hash:ip,port', '10.0.0.1,0:0', 'invalid-value', 'protocol zero'],
    ['hash:ip,port', '10.0.0.1,icmp:8', 'invalid-value', 'no code'],
    ['hash:ip,port', '10.0.0.1,icmpv6:128/0', 'family-mismatch', 'ICMPv6 in a set for IPv4'],
    ['hash:ip,port netmask=24', '10.0.0.0/30,80', 'never-matches', 'stored without the mask'],
    ['hash:ip,port,net', '10.0.0.1,80,0.0.0.0/0', 'invalid-value', 'everything'],
    ['hash:net,iface', '10.0.0.0/8,eth+', 'never-matches', 'a plus sign is a letter'],
    ['hash:net,iface', '10.0.0.0/8,sixteencharacters', 'text-too-long', 'too long a name'],
    ['hash:mac', '00:00:00:00:00:00', 'invalid-value', 'no hash stores zero'],
    ['hash:mac', '01-02-03-04-05-06', 'invalid-value', 'dashes'],
    ['hash:ip,mac', '10.0.0.0/31,01:02:03:04:05:06', 'invalid-value', 'several addresses'],
    ['hash:ip,mark', '10.0.0.1,0x100000000', 'invalid-value', 'over 32 bits'],
    ['bitmap:ip range=10.0.0.0/24', '10.0.1.0', 'invalid-value', 'out of range'],
    [
      'bitmap:ip range=10.0.0.0/16 netmask=24',
      '10.0.0.200-10.0.1.9',
      'changes-meaning',
      'its end is lost',
    ],
    ['bitmap:port range=1-1024', 'icmp:8/0', 'invalid-value', 'ipset crashes'],
    ['list:set', 'a b', 'invalid-value', 'no name'],
  ])('%s: %s is refused (%s): %s', (type, entry, code) => {
    expect(canonicalElements(entry, header(type))).toMatchObject({ code })
  })
})

describe.each(TYPE_NAMES)('the words of ipset save for %s', (type) => {
  test('are what they are when they are typed again', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = seeded(seed)
        const typed = randomHeader(type, random)
        const known = canonicalHeader(typed)
        if (isProblem(known)) throw new Error(known.message)
        expect(canonicalHeader(known)).toEqual(known)
        const elements = canonicalElements(randomEntry(typed, random), known)
        if (isProblem(elements)) return
        for (const element of elements.slice(0, 50)) {
          expect(canonicalElements(element, known)).toEqual([element])
        }
      }),
      { numRuns: 60 },
    )
  })
})
