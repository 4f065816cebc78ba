import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseSave } from '../../src/iptables/save.ts'
import { foreignOwner, type Place } from '../../src/plan/foreign.ts'
import { PLACEHOLDERS, PRESETS } from '../../src/plan/presets.ts'
import { KNOWN_TOOLS } from '../../src/policy/policy.ts'
import { BUILTIN_CHAINS, isBuiltinChain } from '../../src/ruleset/hooks.ts'
import { type Family, type Rule, TABLES } from '../../src/ruleset/model.ts'

const FOLDER = 'test/fixtures/coexistence'

function read(text: string, family: Family = 'ipv4'): readonly (readonly [Place, Rule])[] {
  const { ruleset, diagnostics } = parseSave(text, { family })
  expect(diagnostics).toEqual([])
  return ruleset.tables.flatMap((table) =>
    table.chains
      .filter((chain) => isBuiltinChain(table.name, chain.name))
      .flatMap((chain) =>
        chain.rules.map((rule) => [{ table: table.name, chain: chain.name }, rule] as const),
      ),
  )
}

/** One rule of a built-in chain. */
function one(place: string, text: string): readonly [Place, Rule] {
  const [table = '', chain = ''] = place.split(' ')
  const found = read(`*${table}\n:${chain} ACCEPT [0:0]\n-A ${chain} ${text}\nCOMMIT\n`)[0]
  if (found === undefined) throw new Error(text)
  return found
}

test.each(readdirSync(FOLDER))(
  'every rule that %s has in built-in chains is recognised',
  (name) => {
    const family = name.includes('ipv6') ? 'ipv6' : 'ipv4'
    const rules = read(readFileSync(`${FOLDER}/${name}`, 'utf8'), family)
    expect(rules.length).toBeGreaterThan(1)
    const unknown = rules.filter(([place, rule]) => foreignOwner(rule, place) === undefined)
    expect(unknown.map(([, rule]) => rule.text)).toEqual([])
  },
)

describe('what an operator may have written is nobody else’s:', () => {
  test.each([
    ['filter FORWARD', '-i docker0 -o eth0 -j ACCEPT'],
    ['filter FORWARD', '-i docker0 -j ACCEPT'],
    ['filter FORWARD', '-i br-lan ! -o br-lan -j ACCEPT'],
    ['filter FORWARD', '-i docker0 ! -o docker1 -j ACCEPT'],
    ['filter FORWARD', '-i docker0 -o br-0a1b2c3d4e5f -j ACCEPT'],
    ['filter INPUT', '-i docker0 -p udp -m udp --dport 53 -j ACCEPT'],
    ['filter INPUT', '-p udp -m udp --dport 4789 -j DROP'],
    ['filter OUTPUT', '-o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'],
    ['nat POSTROUTING', '-s 172.17.0.0/16 -o eth0 -j MASQUERADE'],
    ['nat POSTROUTING', '-s 172.17.0.0/16 ! -o eth0 -j MASQUERADE'],
    ['nat POSTROUTING', '-s 10.0.0.2/32 -d 10.0.0.3/32 -p tcp -m tcp --dport 80 -j MASQUERADE'],
    ['raw PREROUTING', '-d 172.17.0.2/32 ! -i eth0 -j DROP'],
    ['filter INPUT', '-i wg0 -j ACCEPT'],
    ['filter INPUT', '-i virbr0 -p udp -m udp --dport 67 -j ACCEPT'],
    ['filter INPUT', '-m comment --comment "calico nodes" -j ACCEPT'],
    ['filter INPUT', '-j IN_web'],
    ['filter INPUT', '-j DOCKERS'],
    ['filter INPUT', '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'],
  ])('%s %s', (place, text) => {
    const [at, rule] = one(place, text)
    expect(foreignOwner(rule, at)).toBeUndefined()
  })
})

test('a set, a second comment or a mark of their own tells the tool, too', () => {
  const cases = [
    ['fail2ban', '-p tcp -m set --match-set f2b-sshd src -j REJECT'],
    ['crowdsec', '-m set --match-set crowdsec-blacklists-0 src -j DROP'],
    ['sshguard', '-m set --match-set sshguard4 src -j DROP'],
    ['calico', '-m comment --comment mine -m comment --comment "cali:abc" -j ACCEPT'],
  ] as const
  for (const [tool, text] of cases) {
    const [place, rule] = one('filter INPUT', text)
    expect([tool, foreignOwner(rule, place)]).toEqual([tool, tool])
  }
})

test('presets that are switched off recognise nothing, the policy’s own patterns still do', () => {
  const patterns = {
    presets: ['fail2ban'] as const,
    chains: ['VPN-*'],
    comments: ['managed by *'],
    interfaces: ['wg*'],
  }
  const owner = (text: string) => {
    const [place, rule] = one('filter FORWARD', text)
    return foreignOwner(rule, place, patterns)
  }
  expect(owner('-j DOCKER-USER')).toBeUndefined()
  expect(owner('-j f2b-sshd')).toBe('fail2ban')
  expect(owner('-j VPN-IN')).toBe('ownership.foreign')
  expect(owner('-m comment --comment "managed by puppet" -j DROP')).toBe('ownership.foreign')
  expect(owner('-i wg0 -j ACCEPT')).toBe('ownership.foreign')
  expect(owner('-o wg0 -j ACCEPT')).toBe('ownership.foreign')
  expect(owner('! -i wg0 -j DROP')).toBeUndefined()
  const [place, rule] = one('filter FORWARD', '-j DOCKER-USER')
  expect(foreignOwner(rule, place, { ...KNOWN_TOOLS, presets: [] })).toBeUndefined()
})

test('every row of the presets names a place and placeholders that there are', () => {
  for (const { rules = [] } of Object.values(PRESETS)) {
    for (const line of rules) {
      const [table, chain] = line.split(' ')
      const name = TABLES.find((known) => known === table)
      expect(name && BUILTIN_CHAINS[name]).toContain(chain)
      for (const [, word = ''] of line.matchAll(/<(\w+)>/g))
        expect(PLACEHOLDERS).toHaveProperty(word)
    }
  }
})
