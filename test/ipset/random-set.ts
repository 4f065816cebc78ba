import type { SetFamily, SetHeader, SetTypeName } from '../../src/ipset/set.ts'
import { type PartKind, SET_TYPES, typeOf } from '../../src/ipset/set-types.ts'

/** A number from 0 to below the limit. */
export type Random = (limit: number) => number

/** Mulberry32: the same seed, the same numbers. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * limit)
  }
}

export const TYPE_NAMES = Object.keys(SET_TYPES) as SetTypeName[]

/** A header that somebody could type, sometimes with the masks and ranges that the type has. */
export function randomHeader(type: SetTypeName, random: Random): SetHeader {
  const { family, options } = SET_TYPES[type]
  const inet: SetFamily = random(2) === 0 ? 'inet' : 'inet6'
  const bits = family === 'both' && inet === 'inet6' ? 128 : 32
  const mask = random(4)
  return {
    type,
    ...(family === 'both' ? { family: inet } : {}),
    ...(type === 'bitmap:port' ? { range: '100-60000' } : {}),
    ...(type.startsWith('bitmap:ip') ? { range: '10.0.0.0/20' } : {}),
    ...(options.includes('netmask') && mask === 0
      ? { netmask: bits === 32 ? 21 + random(12) : 64 }
      : {}),
    ...(options.includes('bitmask') && mask === 1
      ? { bitmask: bits === 32 ? '255.255.0.255' : 'ffff:ffff:ffff::ff' }
      : {}),
    ...(options.includes('markmask') && mask === 2 ? { markmask: '0xff00' } : {}),
  }
}

/** An entry as somebody could type it; not every one is valid. */
export function randomEntry(header: SetHeader, random: Random): string {
  const bits = header.family === 'inet6' ? 128 : 32
  return typeOf(header)
    .parts.map((part) => randomPart(part, bits, random))
    .join(',')
}

function randomPart(part: PartKind, bits: 32 | 128, random: Random): string {
  const pick = <T>(...choices: readonly T[]): T => choices[random(choices.length)] as T
  switch (part) {
    case 'address':
      return randomAddress(bits, random)
    case 'ip':
      if (bits === 128) return pick('', '', '/128').replace(/^/, randomAddress(bits, random))
      return pick(
        () => randomAddress(32, random),
        () => `${randomAddress(32, random)}/${27 + random(6)}`,
        () => randomRange(random, 40),
      )()
    case 'net':
    case 'net0':
      if (bits === 128) return `${randomAddress(128, random)}/${random(129)}`
      return pick(
        () => randomAddress(32, random),
        () => `${randomAddress(32, random)}/${random(33)}`,
        () => randomRange(random, 5000),
      )()
    case 'port':
      return pick(
        () => String(random(65536)),
        () => `${1000 + random(9)}-${1000 + random(9)}`,
        () => `${pick('tcp', 'udp', 'sctp', 'udplite', 'TCP', '17')}:${random(65536)}`,
        () => `udp:${5000 + random(5)}-${5000 + random(5)}`,
        () => `${pick('icmp', 'icmpv6', 'ipv6-icmp')}:${random(20)}/${random(8)}`,
        () => `${pick('icmp:ping', 'icmpv6:echo-reply', 'icmp:TOS-host-redirect')}`,
        () => `${pick('vrrp', 'gre', 'esp', '200', '4', 'ospf')}:${pick('0', '0', '0', '7')}`,
        () => pick('http', 'tcp:ssh', 'udp:domain', '[ftp-data]', 'tcp:0x50'),
      )()
    case 'plain-port':
      return pick(
        () => String(random(65536)),
        () => `${100 + random(2000)}-${100 + random(2000)}`,
        () => pick('tcp:80', 'udp:53', 'http', 'udp:200-210'),
      )()
    case 'mac':
    case 'optional-mac':
      return Array.from({ length: 6 }, () => random(256).toString(16)).join(':')
    case 'iface':
      return pick(
        'eth0',
        'physdev:eth1',
        'wlan0.5',
        'br-lan',
        'physdev:vnet12',
        'e:th',
        'a-very-long-nam',
      )
    case 'mark':
      return pick(String(random(100000)), `0x${random(0x7fffffff).toString(16)}`, '0')
    case 'set':
      return pick('member-a', 'member-b')
  }
}

/** Within 10.0.0.0/20, so that bitmaps take most of them. */
function randomAddress(bits: 32 | 128, random: Random): string {
  if (bits === 32) return `10.0.${random(18)}.${random(256)}`
  const group = (): string => random(0x10000).toString(16)
  return ['2001:db8', group(), '0', random(2) === 0 ? '0' : group(), '0', '0', group()].join(':')
}

function randomRange(random: Random, size: number): string {
  const from = random(18 * 256 - size)
  const text = (n: number): string => `10.0.${n >> 8}.${n & 255}`
  const ends = [text(from), text(from + random(size))]
  return (random(4) === 0 ? ends.reverse() : ends).join('-')
}
