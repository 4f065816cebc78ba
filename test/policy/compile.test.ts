import { describe, expect, test } from 'vitest'
import { compileText, inputRules, withRules } from './compile-text.ts'

const GROUPS = `
define:
  addresses:
    office: [198.51.100.0/24, "2001:db8:10::/48"]
    admins: [office, 203.0.113.7]
    four: [10.0.0.1]
  ports:
    web: [80, 443]
    ssh-ports: [22]
  interfaces:
    lan: [lan0, "vlan+"]
tables: { filter: { chains: { OTHER: {}, INPUT: { rules: [`

function withGroups(...rules: readonly string[]): string {
  return `apiVersion: fwctl/v1${GROUPS}\n  ${rules.join(',\n  ')}\n  ] } } } }\n`
}

describe('a mapping becomes the rule that iptables would be told', () => {
  test.each<[rule: string, ...ipv4: string[]]>([
    ['{ jump: ACCEPT }', '-j ACCEPT'],
    ['{ protocol: udp }', '-p udp'],
    ['{ goto: OTHER }', '-g OTHER'],
    ['{ jump: OTHER }', '-j OTHER'],
    ['{ name: x, jump: ACCEPT }', '-m comment --comment x -j ACCEPT'],
    ['{ protocol: tcp, dport: 22 }', '-p tcp -m tcp --dport 22'],
    ['{ dport: 22, protocol: tcp }', '-p tcp -m tcp --dport 22'],
    ['{ protocol: tcp, dport: ssh }', '-p tcp -m tcp --dport 22'],
    ['{ protocol: tcp, dport: 1024:65535 }', '-p tcp -m tcp --dport 1024:65535'],
    ['{ protocol: tcp, dport: "! 22" }', '-p tcp -m tcp ! --dport 22'],
    ['{ protocol: tcp, destination-port: 22 }', '-p tcp -m tcp --dport 22'],
    ['{ protocol: tcp, dport: [80, 443] }', '-p tcp -m multiport --dports 80,443'],
    ['{ protocol: tcp, dport: "80,443" }', '-p tcp -m multiport --dports 80,443'],
    ['{ protocol: tcp, dport: "! 80,443" }', '-p tcp -m multiport ! --dports 80,443'],
    ['{ protocol: tcp, dport: [80] }', '-p tcp -m tcp --dport 80'],
    ['{ protocol: tcp, dport: web }', '-p tcp -m multiport --dports 80,443'],
    ['{ protocol: tcp, dport: [web, "8000:"] }', '-p tcp -m multiport --dports 80,443,8000:65535'],
    ['{ protocol: tcp, dport: ssh-ports }', '-p tcp -m tcp --dport 22'],
    [
      '{ protocol: tcp, sport: [1, 2], dport: [3, 4] }',
      '-p tcp -m multiport --sports 1,2 -m multiport --dports 3,4',
    ],
    [
      '{ protocol: tcp, dport: [3, 4], sport: 1 }',
      '-p tcp -m multiport --dports 3,4 -m tcp --sport 1',
    ],
    ['{ protocol: tcp, syn: true }', '-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN'],
    ['{ protocol: tcp, syn: "!" }', '-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN'],
    ['{ protocol: tcp, tcp-flags: "SYN,ACK SYN" }', '-p tcp -m tcp --tcp-flags SYN,ACK SYN'],
    ['{ protocol: tcp, tcp-flags: ["SYN,ACK", SYN] }', '-p tcp -m tcp --tcp-flags SYN,ACK SYN'],
    ['{ protocol: icmp, icmp-type: echo-request }', '-p icmp -m icmp --icmp-type 8'],
    ['{ ctstate: [RELATED, ESTABLISHED] }', '-m conntrack --ctstate RELATED,ESTABLISHED'],
    ['{ ctstate: "! INVALID" }', '-m conntrack ! --ctstate INVALID'],
    ['{ state: NEW }', '-m state --state NEW'],
    ['{ match: { limit: { limit: 10/minute } } }', '-m limit --limit 10/min'],
    ['{ match: { limit: } }', '-m limit --limit 3/hour'],
    [
      '{ match: [ { mark: { mark: 1 } }, { mark: { mark: "! 2" } } ] }',
      '-m mark --mark 0x1 -m mark ! --mark 0x2',
    ],
    ['{ match: { mark: { mark: 0x0a } } }', '-m mark --mark 0xa'],
    [
      '{ jump: { LOG: { log-prefix: "! x: ", log-level: info } } }',
      '-j LOG --log-prefix "! x: " --log-level 6',
    ],
    ['{ jump: { REJECT: {} } }', '-j REJECT --reject-with icmp-port-unreachable'],
    ['{ fragment: true }', '-f'],
    ['{ fragment: "!" }', '! -f'],
    ['{ in-interface: "! eth+" }', '! -i eth+'],
    ['{ in-interface: lan }', '-i lan0', '-i vlan+'],
    ['{ protocol: [tcp, udp], dport: 53 }', '-p tcp -m tcp --dport 53', '-p udp -m udp --dport 53'],
    ['{ protocol: 47 }', '-p gre'],
    ['{ protocol: "! tcp" }', '! -p tcp'],
    ['{ source: 10.1.2.3/8 }', '-s 10.0.0.0/8'],
    ['{ source: "10.0.0.1, 10.0.0.2" }', '-s 10.0.0.1/32', '-s 10.0.0.2/32'],
    ['{ source: "! 10.0.0.0/8" }', '! -s 10.0.0.0/8'],
    ['{ source: "!10.0.0.0/8" }', '! -s 10.0.0.0/8'],
    ['{ source: admins }', '-s 198.51.100.0/24', '-s 203.0.113.7/32'],
    ['{ source: [admins, 10.0.0.9] }', '-s 198.51.100.0/24', '-s 203.0.113.7/32', '-s 10.0.0.9/32'],
    [
      '{ source: [10.0.0.1, 10.0.0.2], destination: [10.1.0.1, 10.1.0.2] }',
      '-s 10.0.0.1/32 -d 10.1.0.1/32',
      '-s 10.0.0.1/32 -d 10.1.0.2/32',
      '-s 10.0.0.2/32 -d 10.1.0.1/32',
      '-s 10.0.0.2/32 -d 10.1.0.2/32',
    ],
    // matches keep the order of the keys
    [
      '{ protocol: tcp, dport: 22, name: x, ctstate: NEW }',
      '-p tcp -m tcp --dport 22 -m comment --comment x -m conntrack --ctstate NEW',
    ],
    [
      '{ ctstate: NEW, name: x, protocol: tcp, dport: 22 }',
      '-p tcp -m conntrack --ctstate NEW -m comment --comment x -m tcp --dport 22',
    ],
    // as iptables is told
    ['-p tcp --dport 22 -j ACCEPT', '-p tcp -m tcp --dport 22 -j ACCEPT'],
    ['\'-m comment --comment "a b" -j ACCEPT\'', '-m comment --comment "a b" -j ACCEPT'],
    ['"-s 10.0.0.1,10.0.0.2 -j ACCEPT"', '-s 10.0.0.1/32 -j ACCEPT', '-s 10.0.0.2/32 -j ACCEPT'],
    [
      '-4 -j REJECT --reject-with icmp-net-prohibited',
      '-j REJECT --reject-with icmp-net-prohibited',
    ],
    // said, but not done
    ['{ jump: DROP, enabled: false }'],
    [
      '{ jump: DROP, owner: team, ticket: 12, expires: 2027-01-01, description: "a\\nb" }',
      '-j DROP',
    ],
  ])('%s', (rule, ...expected) => {
    const compiled = compileText(withGroups(rule))
    expect(compiled.diagnostics.filter((d) => d.severity === 'error')).toEqual([])
    expect(inputRules(compiled, 'ipv4')).toEqual(expected)
  })

  test('more ports than multiport has slots make several rules, a range taking two', () => {
    const ports = [...Array.from({ length: 14 }, (_, i) => i + 1), '100:200', 300]
    const compiled = compileText(withRules(`{ protocol: tcp, dport: [${ports}] }`))
    expect(inputRules(compiled, 'ipv4')).toEqual([
      '-p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14',
      '-p tcp -m multiport --dports 100:200,300',
    ])
  })

  test('negated, they stay one rule: none of the ports may match', () => {
    const ports = Array.from({ length: 16 }, (_, i) => i + 1)
    const compiled = compileText(withRules(`{ protocol: tcp, dport: "! ${ports}" }`))
    expect(inputRules(compiled, 'ipv4')).toEqual([
      '-p tcp -m multiport ! --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15 -m multiport ! --dports 16',
    ])
  })
})

describe('one policy serves both families', () => {
  test.each<[rule: string, ipv4: readonly string[], ipv6: readonly string[], found?: string]>([
    ['{ jump: ACCEPT }', ['-j ACCEPT'], ['-j ACCEPT']],
    ['{ jump: ACCEPT, family: ipv6 }', [], ['-j ACCEPT']],
    ['{ source: 10.0.0.1 }', ['-s 10.0.0.1/32'], []],
    ['{ source: [10.0.0.1, "::1"] }', ['-s 10.0.0.1/32'], ['-s ::1/128']],
    ['{ source: admins }', ['-s 198.51.100.0/24', '-s 203.0.113.7/32'], ['-s 2001:db8:10::/48']],
    ['{ source: admins, family: ipv6 }', [], ['-s 2001:db8:10::/48']],
    ['{ protocol: icmp }', ['-p icmp'], []],
    ['{ protocol: icmpv6 }', [], ['-p ipv6-icmp']],
    ['{ protocol: [icmp, icmpv6, udp] }', ['-p icmp', '-p udp'], ['-p ipv6-icmp', '-p udp']],
    ['{ protocol: icmp, family: ipv6 }', [], ['-p icmp']],
    [
      '{ jump: REJECT }',
      ['-j REJECT --reject-with icmp-port-unreachable'],
      ['-j REJECT --reject-with icmp6-port-unreachable'],
    ],
    ['{ fragment: true }', ['-f'], []],
    // left out of a family, and said so, never widened
    ['{ source: four }', ['-s 10.0.0.1/32'], [], '13:13 dropped-from-family'],
    ['{ source: "! four" }', ['! -s 10.0.0.1/32'], [], '13:13 dropped-from-family'],
    ['{ source: "! 10.0.0.1" }', ['! -s 10.0.0.1/32'], [], '13:13 dropped-from-family'],
    ['{ source: "! office" }', ['! -s 198.51.100.0/24'], ['! -s 2001:db8:10::/48']],
    ['{ protocol: "! icmp" }', ['! -p icmp'], [], '13:15 dropped-from-family'],
    ['{ match: { ttl: { ttl-eq: 1 } } }', ['-m ttl --ttl-eq 1'], [], '13:14 dropped-from-family'],
    // as text
    ['-s 10.0.0.1 -j ACCEPT', ['-s 10.0.0.1/32 -j ACCEPT'], []],
    ['-p icmp -j ACCEPT', ['-p icmp -j ACCEPT'], []],
    ['-6 -j ACCEPT', [], ['-j ACCEPT']],
    ['-m ttl --ttl-eq 1 -j ACCEPT', ['-m ttl --ttl-eq 1 -j ACCEPT'], []],
    [
      '-j REJECT',
      ['-j REJECT --reject-with icmp-port-unreachable'],
      ['-j REJECT --reject-with icmp6-port-unreachable'],
    ],
  ])('%s', (rule, ipv4, ipv6, found) => {
    const compiled = compileText(withGroups(rule))
    expect(compiled.found).toEqual(found === undefined ? [] : [found])
    expect(inputRules(compiled, 'ipv4')).toEqual(ipv4)
    expect(inputRules(compiled, 'ipv6')).toEqual(ipv6)
  })

  test('a rule that is switched off is left out of no family, and what is wrong with it is said', () => {
    const { found, lines } = compileText(withGroups('{ source: four, enabled: false }'))
    expect({ found, lines: lines.filter((line) => line.includes(' -s ')) }).toEqual({
      found: [],
      lines: [],
    })
    const wrong = withGroups('{ source: four, protocol: icmp, dport: 1, enabled: false }')
    expect(compileText(wrong).found).toEqual([expect.stringMatching(/^13:/)])
  })

  test('families:, a table and a chain narrow', () => {
    const text = `
apiVersion: fwctl/v1
families: [ipv4]
tables: { filter: { chains: { INPUT: { rules: [ { jump: ACCEPT }, { jump: DROP, family: ipv6 } ] } } } }
`
    expect(compileText(text).lines).toEqual(['ipv4 filter INPUT -j ACCEPT'])
    const both = `
apiVersion: fwctl/v1
tables:
  filter: { chains: { INPUT: { policy: { ipv6: DROP } }, FOUR: { family: ipv4, rules: [ { jump: DROP } ] } } }
  nat: { family: ipv6, chains: { PREROUTING: { policy: ACCEPT } } }
`
    expect(compileText(both).lines).toEqual([
      'ipv4 filter FOUR -j DROP',
      'ipv6 nat PREROUTING = ACCEPT',
      'ipv6 filter INPUT = DROP',
    ])
  })

  test('a jump to a chain of the other family is dangling', () => {
    const text = `
apiVersion: fwctl/v1
tables: { filter: { chains: { A: { family: ipv4 }, INPUT: { rules: [ { jump: A } ] } } } }
`
    expect(compileText(text).found).toEqual(['3:78 dangling-jump'])
  })
})

test('a text that could be taken for options stays one word', () => {
  const rule = '{ name: "x\\" -j ACCEPT", jump: DROP }'
  expect(inputRules(compileText(withRules(rule)), 'ipv4')).toEqual([
    '-m comment --comment "x\\" -j ACCEPT" -j DROP',
  ])
})

test('built-in chains come in the order of their hooks, the others by name', () => {
  const text = `
apiVersion: fwctl/v1
tables: { filter: { chains: { b: { rules: [ {jump: DROP} ] }, OUTPUT: { policy: DROP }, B: { rules: [ {jump: DROP} ] }, INPUT: { policy: DROP } } } }
families: [ipv4]
`
  expect(compileText(text).lines.map((line) => line.split(' ')[2])).toEqual([
    'INPUT',
    'OUTPUT',
    'B',
    'b',
  ])
})
