import { describe, expect, it } from 'vitest'
import { findMatch } from '../../src/extensions/catalogue.ts'
import { checkRuleset } from '../../src/iptables/check.ts'
import type { Hook } from '../../src/ruleset/hooks.ts'
import { FAMILIES, type TableName } from '../../src/ruleset/model.ts'
import { type Row, readRule, readTable, ruleOf } from './recorded.ts'

const isRefused = ({ saved }: Row): boolean => /^![a-z]/.test(saved)
const isDoubtful = ({ saved }: Row): boolean => saved.startsWith('?')

describe.each([...readTable('matches-b.txt')])('%s', (name, rows) => {
  const accepted = rows.filter((row) => !isRefused(row) && !isDoubtful(row))

  it('is saved as iptables saves it, and its save is the same rule', () => {
    for (const { family, typed, saved } of accepted) {
      const { rule, problems, cautions } = readRule(typed, { family })
      expect([...problems, ...cautions], typed).toEqual([])
      expect(rule?.text, typed).toBe(saved)
      const savedRule = ruleOf(saved, { family })
      expect(savedRule.key, typed).toBe(rule?.key)
      expect(savedRule.spec, typed).toEqual(rule?.spec)
    }
  })

  it('refuses what iptables, the kernel or the meaning forbids', () => {
    for (const { family, typed, saved } of rows.filter(isRefused)) {
      const { problems } = readRule(typed, { family })
      expect(`!${problems[0]?.code}`, `${family} ${typed}`).toBe(saved)
    }
  })

  it('warns of what does not mean what it says', () => {
    for (const { family, typed, saved } of rows.filter(isDoubtful)) {
      const { problems, cautions } = readRule(typed, { family })
      expect(problems, typed).toEqual([])
      expect(`?${cautions[0]?.code}`, typed).toBe(saved)
    }
  })

  it('has a recorded save for every option', () => {
    for (const family of FAMILIES) {
      for (const option of Object.keys(findMatch(name, family)?.options ?? {})) {
        const word = new RegExp(` --${option}( |$)`)
        const uses = accepted.filter((row) => row.family === family && word.test(row.typed))
        expect(uses.length, `${family} --${option}`).toBeGreaterThan(0)
      }
    }
  })

  it('tells rules apart that are saved differently', () => {
    const textOf = new Map<string, string>()
    for (const { family, saved } of accepted) {
      const { key } = ruleOf(saved, { family })
      const known = textOf.get(`${family} ${key}`) ?? saved
      expect(known).toBe(saved)
      textOf.set(`${family} ${key}`, saved)
    }
  })
})

describe('the chains a match may stand in', () => {
  const complaint = (place: string, line: string): string | undefined => {
    const [table, chain] = place.split(' ') as [TableName, Hook]
    const rules = [ruleOf(line)]
    const chains = [{ name: chain, policy: 'ACCEPT' as const, rules }]
    const problems = checkRuleset({ family: 'ipv4', tables: [{ name: table, chains }] })
    return problems[0]?.code
  }

  it.each([
    ['filter OUTPUT', '-m owner --uid-owner 0'],
    ['mangle POSTROUTING', '-m owner --uid-owner 0'],
    ['filter FORWARD', '-m mac --mac-source 00:01:02:03:04:05'],
    ['filter OUTPUT', '-m policy --dir out --pol ipsec'],
    ['filter FORWARD', '-m policy --dir in --pol ipsec'],
    ['mangle PREROUTING', '-m policy --dir in --pol ipsec'],
    ['mangle PREROUTING', '-m physdev --physdev-out eth0'],
    ['filter OUTPUT', '-m physdev --physdev-is-bridged --physdev-out eth0'],
    ['filter OUTPUT', '-m physdev --physdev-in eth0'],
    ['raw PREROUTING', '-m rpfilter --invert'],
    ['filter INPUT', '-m realm --realm 1'],
    ['mangle PREROUTING', '-m socket --transparent'],
  ])('takes in %s: %s', (place, line) => {
    expect(complaint(place, line)).toBeUndefined()
  })

  it.each([
    ['filter INPUT', '-m owner --uid-owner 0', 'wrong-hook'],
    ['mangle POSTROUTING', '-m mac --mac-source 00:01:02:03:04:05', 'wrong-hook'],
    ['filter OUTPUT', '-m policy --dir in --pol ipsec', 'wrong-hook'],
    ['filter INPUT', '-m policy --dir out --pol ipsec', 'wrong-hook'],
    ['filter OUTPUT', '-m physdev --physdev-is-out', 'wrong-hook'],
    ['filter OUTPUT', '-m physdev ! --physdev-is-bridged --physdev-out eth0', 'wrong-hook'],
    ['nat PREROUTING', '-m rpfilter', 'wrong-table'],
    ['mangle INPUT', '-m rpfilter', 'wrong-hook'],
    ['raw PREROUTING', '-m realm --realm 1', 'wrong-hook'],
    ['filter FORWARD', '-m socket', 'wrong-hook'],
    ['filter OUTPUT', '-p tcp -m osf --genre Linux', 'wrong-hook'],
  ])('refuses in %s: %s', (place, line, code) => {
    expect(complaint(place, line)).toBe(code)
  })
})

describe('keys', () => {
  const tunnel = '-m policy --dir in --pol ipsec --mode tunnel --tunnel-src'

  it.each([
    [`${tunnel} 10.1.2.3/8`, `${tunnel} 10.0.0.0/8`],
    [
      '-m pkttype --pkt-type unicast -m length --length 5',
      '-m length --length 5 -m pkttype --pkt-type host',
    ],
  ])('takes %s for %s', (a, b) => {
    expect(ruleOf(a).key).toBe(ruleOf(b).key)
  })

  it.each([
    [
      '-m policy --dir in --strict --reqid 1 --next --spi 1',
      '-m policy --dir in --strict --spi 1 --next --reqid 1',
    ],
    // Both draw lots or count, and only those that come through the first one reach the second.
    ['-m quota --quota 9 -m length --length 5', '-m length --length 5 -m quota --quota 9'],
    ['-p icmp -m icmp --icmp-type 8', '-p icmp -m icmp --icmp-type 8/0'],
    ['-p sctp -m sctp --chunk-types any DATA:b', '-p sctp -m sctp --chunk-types any DATA:B'],
  ])('tells %s from %s', (a, b) => {
    expect(ruleOf(a).key).not.toBe(ruleOf(b).key)
  })
})

describe('versions', () => {
  it('saves hardware addresses in upper case until 1.8.6', () => {
    const typed = '-m mac --mac-source a:b:c:d:e:f'
    const old = ruleOf(typed, { version: [1, 8, 6] })
    expect(old.text).toBe('-m mac --mac-source 0A:0B:0C:0D:0E:0F')
    expect(ruleOf(old.text).key).toBe(ruleOf(typed).key)
  })
})
