import type { JsonSchema } from '../extensions/extension.ts'
import type { ExtensionSchemas } from './schema-options.ts'

/** A rule: a text as iptables takes it, or a mapping. The keys besides matches and targets. */
export function ruleSchema({ targets, protocolOptions }: ExtensionSchemas): JsonSchema {
  return {
    title: 'rule',
    description:
      'A rule: a mapping, or a text with what iptables takes after `-A CHAIN`. Matches are evaluated in the order of the keys.',
    examples: [
      { name: 'ssh', protocol: 'tcp', dport: 22, jump: 'ACCEPT' },
      '-p tcp --dport 22 -j ACCEPT',
    ],
    type: ['object', 'string'],
    minLength: 1,
    minProperties: 1,
    additionalProperties: false,
    properties: {
      ...DOCUMENTATION,
      family: { $ref: '#/$defs/family' },
      ...CRITERIA,
      ...SHORTHANDS,
      ...protocolKeys(protocolOptions),
      ...PORTS,
      match: {
        description: 'Matches by name, or a list of them where one is needed twice.',
        examples: [{ limit: { limit: '10/minute' } }],
        anyOf: [
          { $ref: '#/$defs/matches' },
          { type: 'array', items: { $ref: '#/$defs/matches' }, minItems: 1 },
        ],
      },
      jump: {
        description:
          'What happens to a packet that matches: a verdict, a user-defined chain, or a target with its options. Absent: it is only counted.',
        examples: ['ACCEPT', 'WEB', { REJECT: { 'reject-with': 'tcp-reset' } }],
        type: ['string', 'object'],
        minLength: 1,
        minProperties: 1,
        maxProperties: 1,
        additionalProperties: false,
        properties: targetRefs(targets),
      },
      goto: {
        description:
          'A user-defined chain that the packet goes on in; RETURN there leads past this chain.',
        examples: ['WEB'],
        type: 'string',
        minLength: 1,
      },
    },
  }
}

function targetRefs(targets: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const names = Object.keys(targets).sort()
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/$defs/target-${name}` }]))
}

const DOCUMENTATION: Readonly<Record<string, JsonSchema>> = {
  name: {
    description: 'What the rule is called: its comment in the kernel, 255 bytes at most.',
    examples: ['ssh from the admins'],
    type: 'string',
    minLength: 1,
  },
  description: {
    description: 'Why the rule is there. Documentation only, it does not reach the kernel.',
    examples: ['The monitoring host polls every 10 s'],
    type: 'string',
  },
  owner: { description: 'Who answers for the rule.', examples: ['team-web'], type: 'string' },
  ticket: {
    description: 'Where the rule was decided.',
    examples: ['SEC-1234'],
    type: ['string', 'integer'],
  },
  expires: {
    description:
      'From when on the rule is no longer wanted, as RFC 3339 writes it; a day alone begins at midnight UTC. Later runs leave it out.',
    examples: ['2027-01-31T18:00:00Z', '2027-01-31T19:00:00+01:00', '2027-01-31'],
    type: 'string',
    pattern:
      '^[0-9]{4}-[01][0-9]-[0-3][0-9]([Tt][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]+)?([Zz]|[+-][0-2][0-9]:[0-5][0-9]))?$',
  },
  enabled: {
    description: '`false` leaves the rule out.',
    examples: [false],
    type: ['boolean', 'string'],
    pattern: '^\\$\\{[^}]+\\}$',
  },
}

const ADDRESS: JsonSchema = {
  type: ['string', 'array'],
  minLength: 1,
  minItems: 1,
  items: { type: 'string', minLength: 1 },
}

const CRITERIA: Readonly<Record<string, JsonSchema>> = {
  source: {
    description:
      'Source address, network or group, or a list of them: one rule each. Negated when it starts with "! ".',
    examples: ['192.0.2.0/24', ['office', '203.0.113.7'], '! 10.0.0.0/8'],
    ...ADDRESS,
  },
  destination: {
    description:
      'Destination address, network or group, or a list of them: one rule each. Negated when it starts with "! ".',
    examples: ['192.0.2.10', '2001:db8::/32'],
    ...ADDRESS,
  },
  'in-interface': {
    description:
      'The interface the packet came in by; a final `+` is a wildcard. May be a list or a group.',
    examples: ['eth0', 'wg+', '! lo'],
    ...ADDRESS,
  },
  'out-interface': {
    description:
      'The interface the packet leaves by; a final `+` is a wildcard. May be a list or a group.',
    examples: ['eth1', ['eth1', 'eth2']],
    ...ADDRESS,
  },
  protocol: {
    description:
      'The protocol by name or number, or a list: one rule each. `icmp` is IPv4, `icmpv6` IPv6.',
    examples: ['tcp', ['tcp', 'udp'], 47, '! tcp'],
    type: ['string', 'integer', 'array'],
    minLength: 1,
    minimum: 0,
    maximum: 255,
    minItems: 1,
    items: { type: ['string', 'integer'], minLength: 1, minimum: 0, maximum: 255 },
  },
  fragment: {
    description: 'IPv4 only: second and further fragments; `"!"` is all others.',
    examples: [true, '!'],
    enum: [true, '!'],
  },
}

const STATES = ['NEW', 'RELATED', 'ESTABLISHED', 'INVALID', 'UNTRACKED']

function stateSchema(description: string, states: readonly string[]): JsonSchema {
  return {
    description,
    examples: ['NEW', ['RELATED', 'ESTABLISHED'], '! INVALID'],
    anyOf: [
      { enum: states },
      { type: 'array', items: { anyOf: [{ enum: states }, { type: 'string' }] }, minItems: 1 },
      { type: 'string' },
    ],
  }
}

const SHORTHANDS: Readonly<Record<string, JsonSchema>> = {
  ctstate: stateSchema('The state of the connection (match conntrack).', [
    ...STATES,
    'SNAT',
    'DNAT',
  ]),
  state: stateSchema('The state of the connection (match state, superseded by ctstate).', STATES),
}

/** Keys whose schemas are definitions: the compiler looks them up in the catalogue. */
function protocolKeys(options: Readonly<Record<string, JsonSchema>>): Record<string, JsonSchema> {
  const names = Object.keys(options).filter((name) => PORTS[name] === undefined)
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/$defs/option-${name}` }]))
}

/** Ports of a rule may be lists and groups; they pack into multiport. */
const PORTS: Readonly<Record<string, JsonSchema>> = {
  sport: portSchema('Source'),
  dport: portSchema('Destination'),
}

function portSchema(end: string): JsonSchema {
  return {
    description: `${end} port, range, service name or group, or a list of them. Negated when it starts with "! ".`,
    examples: [22, [80, 443], '1024:65535', 'web', '! 25'],
    type: ['integer', 'string', 'array'],
    minimum: 0,
    maximum: 65535,
    minLength: 1,
    minItems: 1,
    items: { type: ['integer', 'string'], minimum: 0, maximum: 65535, minLength: 1 },
  }
}

/** Every key of a rule but the options of the protocols' matches. */
export const RULE_KEYS: readonly string[] = [
  ...Object.keys({ ...DOCUMENTATION, ...CRITERIA, ...SHORTHANDS, ...PORTS }),
  ...['family', 'match', 'jump', 'goto'],
]
