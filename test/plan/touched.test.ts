import { expect, test } from 'vitest'
import { parseSave } from '../../src/iptables/save.ts'
import { diffRulesets } from '../../src/plan/diff.ts'
import { stateText } from '../../src/plan/state.ts'
import { touchedChains, touchedDigest, withChainsFrom } from '../../src/plan/touched.ts'
import type { Ruleset } from '../../src/ruleset/model.ts'

function filter(lines: string): Ruleset {
  const head = '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n'
  return parseSave(`${head}${lines}COMMIT\n`, { family: 'ipv4' }).ruleset
}

const before = filter(':OLD - [0:0]\n:THEIRS - [0:0]\n-A INPUT -j OLD\n-A THEIRS -j DROP\n')
const target = filter(':NEW - [0:0]\n:THEIRS - [0:0]\n-A INPUT -j NEW\n-A THEIRS -j DROP\n')
const touched = touchedChains(diffRulesets(before, target))

test('the chains that change are touched, each once, and no other', () => {
  expect(touched).toEqual([
    { table: 'filter', chain: 'INPUT' },
    { table: 'filter', chain: 'NEW' },
    { table: 'filter', chain: 'OLD' },
  ])
})

test('a change elsewhere makes no difference, a change in a touched chain does', () => {
  const elsewhere = filter(':NEW - [0:0]\n:THEIRS - [0:0]\n-A INPUT -j NEW\n-A OUTPUT -j DROP\n')
  const here = filter(':NEW - [0:0]\n:THEIRS - [0:0]\n-A INPUT -j NEW\n-A NEW -j DROP\n')
  expect(touchedDigest(elsewhere, touched)).toBe(touchedDigest(target, touched))
  expect(touchedDigest(here, touched)).not.toBe(touchedDigest(target, touched))
  expect(touchedDigest(before, touched)).not.toBe(touchedDigest(target, touched))
})

test('putting the touched chains back leaves what others did meanwhile', () => {
  const now = filter(':NEW - [0:0]\n:THEIRS - [0:0]\n-A INPUT -j NEW\n-A THEIRS -j ACCEPT\n')
  const back = withChainsFrom({ live: now, from: before, touched })
  expect(stateText(back)).toBe(
    stateText(filter(':OLD - [0:0]\n:THEIRS - [0:0]\n-A INPUT -j OLD\n-A THEIRS -j ACCEPT\n')),
  )
})

test('a table that was not there is empty again', () => {
  const nothing: Ruleset = { family: 'ipv4', tables: [] }
  const added = touchedChains(diffRulesets(nothing, target))
  expect(stateText(withChainsFrom({ live: target, from: nothing, touched: added }))).toBe('')
})
