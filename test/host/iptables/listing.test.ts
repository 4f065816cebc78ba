import { expect, test } from 'vitest'
import { readListing, readRuleLine, withCountersAtEnd } from '../../../src/host/iptables/listing.ts'

test('a note of nft before the chains hides none of them', () => {
  const listing = readListing(
    "# Table `filter' contains incompatible base-chains, use 'nft' tool to list them.\n" +
      '-P INPUT DROP\n-N X\n-A X -j ACCEPT\n',
  )
  expect(listing.chains).toEqual([{ name: 'INPUT', policy: 'DROP' }, { name: 'X' }])
  expect(listing.hidden).toBe(true)
  expect(listing.lines).toHaveLength(3)
})

test('a comment over two lines is one rule, whatever its second line looks like', () => {
  const rule = '-A INPUT -m comment --comment "a \\" \n-N INPUT2\n-A INPUT" -j DROP'
  expect(readListing(`-P INPUT ACCEPT\n${rule}\n`)).toMatchObject({
    lines: ['-P INPUT ACCEPT', rule],
    chains: [{ name: 'INPUT' }],
  })
})

test.each([
  ['[5:500] -A X -s 10.0.0.0/8 -j ACCEPT', '-A X -s 10.0.0.0/8 -j ACCEPT -c 5 500'],
  ['-A X -c 5 500 -j ACCEPT', '-A X -c 5 500 -j ACCEPT'],
  ['-P INPUT ACCEPT -c 0 0', '-P INPUT ACCEPT -c 0 0'],
])('%j is given as %j', (printed, given) => {
  expect(withCountersAtEnd(printed)).toBe(given)
})

test.each([
  ['-A X -c 5 500 -j ACCEPT', '-j ACCEPT'],
  ['-A X -p tcp -j ACCEPT -c 5 500', '-p tcp -j ACCEPT'],
  ['[5:500] -A X', ''],
  ['-A X -c 5 500', ''],
  ['-A X -m comment --comment "-c 1 2 -j" -c 5 500 -j X', '-m comment --comment "-c 1 2 -j" -j X'],
  ['-A X -m comment --comment -c -c 5 500 -g X', '-m comment --comment -c -g X'],
])('the counters of %j are taken out of it', (line, text) => {
  expect(readRuleLine(line)).toEqual({
    chain: 'X',
    text,
    counters: { packets: 5n, bytes: 500n },
  })
})
