import { expect, test } from 'vitest'
import { chainsWithNativeRules } from '../../src/host/native-rules.ts'

const payload = (protocol: string, field: string) => ({ payload: { protocol, field } })
const match = (left: unknown, right: unknown) => ({ match: { op: '==', left, right } })
const listing = (...exprs: readonly (readonly unknown[])[]) =>
  JSON.stringify({
    nftables: [
      { metainfo: { version: '1.0.6' } },
      { table: { family: 'ip', name: 'filter' } },
      ...exprs.map((expr, index) => ({ rule: { chain: `C${index}`, expr } })),
    ],
  })

test('rules with sets, maps and address ranges are found', () => {
  const json = listing(
    [match(payload('tcp', 'dport'), { set: [80, 443] }), { accept: null }],
    [match(payload('tcp', 'dport'), '@s')],
    [match(payload('ip', 'saddr'), { range: ['10.0.0.1', '10.0.0.9'] })],
    [{ vmap: { key: payload('udp', 'dport'), data: { set: [[5, { drop: null }]] } } }],
    [{ dnat: { addr: { map: { key: payload('tcp', 'dport'), data: '@m' } } } }],
  )
  expect(chainsWithNativeRules(json)).toEqual(['C0', 'C1', 'C2', 'C3', 'C4'])
})

test('what iptables-nft itself writes is not', () => {
  const json = listing(
    [match({ '&': [payload('ip', 'saddr'), '255.0.255.0'] }, '10.0.0.0')],
    [match(payload('tcp', 'sport'), { range: [5, 9] }), { xt: { type: 'match', name: 'set' } }],
    [{ limit: { rate: 3, burst: 5, per: 'second' } }, { counter: { packets: 0, bytes: 0 } }],
    [match({ meta: { key: 'iifname' } }, 'eth0'), { jump: { target: 'X' } }],
  )
  expect(chainsWithNativeRules(json)).toEqual([])
})

test('what is not the JSON of nft is nothing known, not nothing found', () => {
  expect(chainsWithNativeRules('Error: no such file')).toBeUndefined()
})
