/** The part of the policy's JSON schema that describes `sets:`. */
import type { JsonSchema } from '../extensions/extension.ts'
import { SET_TYPES } from '../ipset/set-types.ts'

const COUNT: JsonSchema = { type: 'integer', minimum: 0 }

function flag(description: string): JsonSchema {
  return { description, examples: [true], type: 'boolean' }
}

const ENTRY_OPTIONS: JsonSchema = {
  timeout: {
    ...COUNT,
    description: 'Seconds until the entry goes by itself; 0: it stays.',
    examples: [600],
  },
  comment: {
    description: 'Kept in the kernel beside the entry; at most 255 bytes.',
    examples: ['scanner'],
    type: 'string',
  },
  nomatch: flag('An exception: what it covers does not match the set.'),
  wildcard: flag('The interface is the beginning of a name, for hash:net,iface.'),
  skbmark: {
    description: 'The mark that `SET --map-mark` gives to packets.',
    examples: ['0x10/0xff'],
    type: ['string', 'integer'],
  },
  skbprio: {
    description: 'The traffic class that `SET --map-prio` gives to packets.',
    examples: ['1:10'],
    type: 'string',
  },
  skbqueue: {
    ...COUNT,
    description: 'The hardware queue that `SET --map-queue` gives to packets.',
    examples: [3],
  },
}

const ENTRY: JsonSchema = {
  description: 'An entry, as ipset takes it after the name of the set, or with its options.',
  examples: ['192.0.2.0/24', { entry: '192.0.2.7', timeout: 600, comment: 'scanner' }],
  type: ['string', 'integer', 'object'],
  required: ['entry'],
  additionalProperties: false,
  properties: {
    entry: {
      description:
        'The entry: an address, a network, a port, or several parts with commas between.',
      examples: ['192.0.2.0/24', '192.0.2.1,tcp:80'],
      type: ['string', 'integer'],
    },
    ...ENTRY_OPTIONS,
  },
}

const SET: JsonSchema = {
  title: 'set',
  description: 'An ipset. Rules look it up with `match: { set: { match-set: NAME src } }`.',
  examples: [{ type: 'hash:net', entries: ['192.0.2.0/24'] }],
  type: 'object',
  required: ['type'],
  additionalProperties: false,
  properties: {
    type: {
      description: 'What an entry consists of, and how entries are stored.',
      examples: ['hash:net'],
      enum: Object.keys(SET_TYPES),
    },
    description: {
      description: 'What the set is for. Documentation only.',
      examples: ['Networks that must not reach us'],
      type: 'string',
    },
    family: {
      description: 'Whose addresses it holds. Default: inet, which is IPv4.',
      examples: ['inet6'],
      enum: ['inet', 'inet6', 'ipv4', 'ipv6'],
    },
    entries: {
      description:
        'What the set holds, exactly. Without entries and entries-from, its contents are left to rules and other programs.',
      examples: [['192.0.2.0/24', { entry: '198.51.100.7', comment: 'scanner' }]],
      type: 'array',
      items: ENTRY,
    },
    'entries-from': {
      description:
        'Files with one entry a line, relative to this file and inside the folder of the policy. `#` starts a comment.',
      examples: [['blocklist.txt']],
      type: ['array', 'string'],
      items: { type: 'string', minLength: 1 },
      minLength: 1,
    },
    timeout: {
      ...COUNT,
      description: 'Entries go by themselves after so many seconds, unless they say otherwise.',
      examples: [3600],
    },
    counters: flag('Packets and bytes are counted for each entry.'),
    comment: flag('Entries may have comments. Default: if one has.'),
    skbinfo: flag('Entries may have marks, classes and queues. Default: if one has.'),
    forceadd: flag('A full set forgets an entry for each one that rules add.'),
    range: {
      description: 'What a bitmap covers: addresses or ports.',
      examples: ['10.0.0.0/16', '1024-2047'],
      type: 'string',
    },
    netmask: {
      description: 'Addresses are cut to this prefix length.',
      examples: [24],
      type: 'integer',
    },
    bitmask: {
      description: 'Addresses are cut with this mask.',
      examples: ['255.255.0.255'],
      type: 'string',
    },
    markmask: {
      description: 'Marks are cut with this mask, for hash:ip,mark.',
      examples: ['0xff'],
      type: ['string', 'integer'],
    },
    maxelem: {
      ...COUNT,
      description: 'The most entries that it takes. Default: 65536, or what the entries need.',
      examples: [1000000],
    },
    hashsize: {
      ...COUNT,
      description: 'The size of the hash to begin with; the kernel enlarges it.',
      examples: [4096],
    },
    bucketsize: {
      ...COUNT,
      description: 'The most entries in one bucket of the hash.',
      examples: [12],
    },
  },
}

export const SETS: JsonSchema = {
  description: 'The ipsets that fwctl makes and fills. Others are not touched.',
  examples: [{ blocklist: { type: 'hash:net', entries: ['192.0.2.0/24'] } }],
  type: 'object',
  additionalProperties: SET,
}
