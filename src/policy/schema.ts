/**
 * The JSON schema of a policy. `npm run generate` writes it to schemas/policy.schema.json and
 * compiles it into validator.generated.js.
 *
 * Where a value may be of several types, one schema with `type: [...]` says so instead of `anyOf`:
 * keywords for other types do not apply, and a validator then reports exactly what is wrong.
 */
import type { JsonSchema } from '../extensions/extension.ts'
import { BUILTIN_CHAINS } from '../ruleset/hooks.ts'
import { FAMILIES, TABLES } from '../ruleset/model.ts'
import { FOREIGN_TOOLS } from './policy.ts'
import { extensionSchemas } from './schema-options.ts'
import { ruleSchema } from './schema-rule.ts'
import { SETS } from './schema-sets.ts'

export function policySchema(): JsonSchema {
  const extensions = extensionSchemas()
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:fwctl:policy:v1',
    title: 'fwctl policy',
    description: 'Which tables, chains, default policies and rules a host has.',
    type: 'object',
    required: ['apiVersion'],
    additionalProperties: false,
    properties: {
      apiVersion: {
        description: 'The version of the policy language.',
        examples: ['fwctl/v1'],
        const: 'fwctl/v1',
      },
      metadata: METADATA,
      families: {
        description: 'The families that the policy is for. Default: both.',
        examples: [['ipv4', 'ipv6'], ['ipv4']],
        type: 'array',
        items: { enum: FAMILIES },
        minItems: 1,
        uniqueItems: true,
      },
      include: {
        description:
          'Further policy files, relative to this one and inside the folder of the main policy. `*`, `?` and `**` are wildcards.',
        examples: [['groups.yaml', 'conf.d/*.yaml']],
        type: ['array', 'string'],
        items: { type: 'string', minLength: 1 },
        minLength: 1,
      },
      variables: {
        ...VARIABLES,
        description:
          'Values for `${name}` in any text of the policy. An empty one must be given by a host or on the command line.',
      },
      hosts: {
        description: 'What differs from host to host; `--for NAME` chooses one.',
        examples: [{ 'web-1': { variables: { address: '192.0.2.10' } } }],
        type: 'object',
        additionalProperties: {
          description: 'The values of one host.',
          examples: [{ variables: { address: '192.0.2.10' } }],
          type: 'object',
          additionalProperties: false,
          properties: { variables: VARIABLES },
        },
      },
      define: DEFINE,
      ownership: OWNERSHIP,
      sets: SETS,
      tables: {
        description: 'The tables that the policy has a say in. Others are not touched.',
        examples: [{ filter: { chains: { INPUT: { policy: 'DROP' } } } }],
        type: 'object',
        additionalProperties: false,
        properties: Object.fromEntries(TABLES.map((name) => [name, tableSchema(name)])),
      },
    },
    $defs: {
      family: {
        description:
          'Only for this family. Default: both, as far as the addresses and protocols allow.',
        examples: ['ipv4'],
        enum: FAMILIES,
      },
      chain: CHAIN,
      rule: ruleSchema(extensions),
      matches: {
        description: 'Matches by name, with their options. They are evaluated in this order.',
        examples: [{ limit: { limit: '10/minute', 'limit-burst': 20 } }],
        type: 'object',
        additionalProperties: false,
        properties: refs('match', extensions.matches),
      },
      ...defs('match', extensions.matches),
      ...defs('target', extensions.targets),
      ...defs('option', extensions.protocolOptions),
    },
  }
}

function defs(kind: string, schemas: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return Object.fromEntries(Object.entries(schemas).map(([name, s]) => [`${kind}-${name}`, s]))
}

function refs(kind: string, schemas: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const names = Object.keys(schemas).sort()
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/$defs/${kind}-${name}` }]))
}

function tableSchema(name: (typeof TABLES)[number]): JsonSchema {
  const builtins = BUILTIN_CHAINS[name].map((chain) => [
    chain,
    {
      $ref: '#/$defs/chain',
      description: `The built-in chain ${chain} of table ${name}.`,
      examples: [{ policy: 'ACCEPT', rules: [] }],
    },
  ])
  return {
    description: `Table ${name}.`,
    examples: [{ chains: { [BUILTIN_CHAINS[name][0] as string]: { rules: [] } } }],
    type: ['object', 'null'],
    additionalProperties: false,
    properties: {
      family: { $ref: '#/$defs/family' },
      chains: {
        description:
          'The chains that the policy owns, built-in and user-defined. Others in the table are not touched.',
        examples: [{ [BUILTIN_CHAINS[name][0] as string]: { rules: [{ jump: 'WEB' }] }, WEB: {} }],
        type: ['object', 'null'],
        properties: Object.fromEntries(builtins),
        additionalProperties: { $ref: '#/$defs/chain' },
      },
    },
  }
}

const POLICY_WORD: JsonSchema = { enum: ['ACCEPT', 'DROP'] }

const CHAIN: JsonSchema = {
  title: 'chain',
  description: 'A chain: its rules in order and, if it is built in, its default policy.',
  examples: [{ policy: 'DROP', rules: [{ 'in-interface': 'lo', jump: 'ACCEPT' }] }],
  type: ['object', 'null'],
  additionalProperties: false,
  properties: {
    policy: {
      description:
        'What happens to packets that reach the end of a built-in chain. Absent: left as it is.',
      examples: ['DROP', { ipv4: 'DROP', ipv6: 'ACCEPT' }],
      anyOf: [
        POLICY_WORD,
        {
          type: 'object',
          additionalProperties: false,
          properties: {
            ipv4: { ...POLICY_WORD, description: 'The policy for IPv4.', examples: ['DROP'] },
            ipv6: { ...POLICY_WORD, description: 'The policy for IPv6.', examples: ['DROP'] },
          },
        },
        { type: 'string', pattern: '^\\$\\{[^}]+\\}$' },
      ],
    },
    family: { $ref: '#/$defs/family' },
    description: {
      description: 'What the chain is for. Documentation only.',
      examples: ['Everything that may reach the web server'],
      type: 'string',
    },
    rules: {
      description: 'The rules in the order in which they are evaluated.',
      examples: [[{ protocol: 'tcp', dport: 22, jump: 'ACCEPT' }, '-p udp --dport 53 -j ACCEPT']],
      type: ['array', 'null'],
      items: { $ref: '#/$defs/rule' },
    },
  },
}

const METADATA: JsonSchema = {
  description: 'What the policy is called.',
  examples: [{ name: 'web-server' }],
  type: 'object',
  additionalProperties: false,
  properties: {
    name: {
      description: 'The name of the policy.',
      examples: ['web-server'],
      type: 'string',
      minLength: 1,
    },
    description: {
      description: 'What the policy is for.',
      examples: ['Public web servers in the DMZ'],
      type: 'string',
    },
    labels: {
      description: 'Words of your own.',
      examples: [{ team: 'platform' }],
      type: 'object',
      additionalProperties: { type: 'string' },
    },
  },
}

const VARIABLES: JsonSchema = {
  description: 'Values for `${name}`.',
  examples: [{ admin_net: '198.51.100.0/24', ssh_port: 22 }],
  type: 'object',
  additionalProperties: {
    type: ['string', 'number', 'boolean', 'null', 'array'],
    items: { type: ['string', 'number', 'boolean'] },
  },
}

const OWNERSHIP: JsonSchema = {
  description: 'How fwctl shares the tables with other tools.',
  examples: [{ mode: 'chains', foreign: ['MYTOOL-*'] }],
  type: 'object',
  additionalProperties: false,
  properties: {
    mode: {
      description:
        '`chains` (default): only the declared chains are ours. `hooks`: built-in chains only get a jump into a chain of ours. `exclusive`: the whole tables are ours, undeclared chains are deleted.',
      examples: ['chains'],
      enum: ['chains', 'hooks', 'exclusive'],
    },
    hook: {
      description:
        'In mode `hooks`: whether the jump into our chain stands before the rules of others or behind them. Default: first.',
      examples: ['last'],
      enum: ['first', 'last'],
    },
    foreign: {
      description:
        'What belongs to other tools: chains by name, or rules by the chain they jump to, their comment or their interface; `*` is a wildcard. Known tools need no mention.',
      examples: [['MYTOOL-*', { comment: 'managed by mytool*' }, { interface: 'wg*' }]],
      type: 'array',
      items: {
        description: 'A chain by its name, or what a rule is recognised by.',
        examples: ['MYTOOL-*', { comment: 'managed by mytool*' }],
        type: ['string', 'object'],
        minLength: 1,
        minProperties: 1,
        maxProperties: 1,
        additionalProperties: false,
        properties: {
          chain: {
            description: 'Chains by name, and the rules that jump to them.',
            examples: ['MYTOOL-*'],
            type: 'string',
            minLength: 1,
          },
          comment: {
            description: 'Rules by their comment.',
            examples: ['managed by mytool*'],
            type: 'string',
            minLength: 1,
          },
          interface: {
            description: 'Rules by an interface that they are about.',
            examples: ['wg*'],
            type: 'string',
            minLength: 1,
          },
        },
      },
    },
    presets: {
      description:
        'Which known tools are recognised. Default: all of them; `false`: none; or a list.',
      examples: [['docker', 'fail2ban'], false],
      type: ['array', 'boolean'],
      items: { enum: FOREIGN_TOOLS },
      uniqueItems: true,
    },
  },
}

function groupSchema(
  description: string,
  examples: readonly unknown[],
  types: string[],
): JsonSchema {
  return {
    description: `${description} A group may name other groups.`,
    examples: [{ example: examples }],
    type: 'object',
    additionalProperties: {
      description,
      examples: [examples],
      type: [...types, 'array'],
      items: { type: types },
    },
  }
}

const DEFINE: JsonSchema = {
  description: 'Named groups that rules can use in place of a value.',
  examples: [{ addresses: { office: ['198.51.100.0/24', '2001:db8:10::/48'] } }],
  type: 'object',
  additionalProperties: false,
  properties: {
    addresses: groupSchema(
      'Groups of addresses and networks, of both families.',
      ['198.51.100.0/24', '2001:db8:10::/48'],
      ['string'],
    ),
    ports: groupSchema(
      'Groups of ports and port ranges.',
      [80, 443, '8000:8099'],
      ['string', 'integer'],
    ),
    interfaces: groupSchema('Groups of interfaces.', ['eth0', 'wg+'], ['string']),
  },
}
