import fc from 'fast-check'

const ADDRESSES = ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', 'office', '! 198.51.100.0/24']
const TARGETS = [
  'ACCEPT',
  'DROP',
  'web',
  '{ LOG: { log-prefix: "a \\"b\\" " } }',
  '{ MARK: { set-mark: 7 } }',
]
const MATCHES = [
  '{ limit: { limit: 10/minute, limit-burst: 20 } }',
  '{ comment: { comment: "one, two" } }',
  '{ conntrack: { ctstate: [NEW, ESTABLISHED] } }',
  '{ recent: { name: seen, set: true } }',
  '{ owner: { uid-owner: root } }',
]
const TEXTS = [
  '-p udp -m udp --dport 53 -j ACCEPT',
  '-s 10.1.0.0/16 ! -d 10.2.0.0/16 -j DROP',
  '-p tcp -m multiport --dports 80,443 -m comment --comment "a b" -j web',
  '-i eth+ -m addrtype --dst-type BROADCAST -j DROP',
]

/** Texts of policies; a few are refused. They expire around 2026-11-22. */
export function arbitraryPolicy(): fc.Arbitrary<string> {
  return fc
    .record({
      input: fc.array(arbitraryRule(), { maxLength: 6 }),
      web: fc.array(arbitraryRule(), { maxLength: 3 }),
      mangle: fc.boolean(),
    })
    .map(
      ({ input, web, mangle }) => `apiVersion: fwctl/v1
define: { addresses: { office: [198.51.100.0/24, 2001:db8:10::/48] } }
tables:
  filter:
    chains:
      INPUT: { policy: DROP, rules: [${input.join(', ')}] }
      web: { rules: [${web.filter((rule) => !rule.includes('web')).join(', ')}] }
${mangle ? '  mangle: { chains: { PREROUTING: { rules: ["-p tcp -j MARK --set-mark 0x1/0xff"] } } }\n' : ''}`,
    )
}

function arbitraryRule(): fc.Arbitrary<string> {
  const some = (values: readonly string[]) =>
    fc.option(fc.constantFrom(...values), { nil: undefined, freq: 2 })
  const mapping = fc
    .record({
      source: some(ADDRESSES.map((text) => JSON.stringify(text))),
      destination: some(ADDRESSES.map((text) => JSON.stringify(text))),
      protocol: some(['tcp', '[tcp, udp]']),
      match: some(MATCHES),
      name: some(['one', '"two: \'2\'"']),
      owner: some(['net-team']),
      expires: some(['2026-11-20T00:00:00Z', '2026-11-24T10:00:00Z', '2027-01-01']),
      jump: fc.constantFrom(...TARGETS),
    })
    .map((rule) => {
      const entries = Object.entries(rule).filter(([, value]) => value !== undefined)
      return `{ ${entries.map(([key, value]) => `${key}: ${value}`).join(', ')} }`
    })
  return fc.oneof(
    mapping,
    fc.constantFrom(...TEXTS).map((text) => JSON.stringify(text)),
  )
}
