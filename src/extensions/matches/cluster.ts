import type { Option } from '../../ruleset/model.ts'
import { type MatchExtension, refuse, type ValueType } from '../extension.ts'
import { integer } from '../values/number.ts'

const MAX_NODES = 32

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}

/** libxt_cluster bounds the mask by the number of nodes, so the save of node 7 does not load. */
const MAX_MASK = 32

const mask = integer({ min: 1, max: 0xffffffff, what: 'node mask', print: hex })

const nodemask: ValueType = { ...mask, sample: (random) => [String(1 + random(MAX_MASK))] }

const node: ValueType = integer({ min: 1, max: MAX_NODES, what: 'node' })

/** libxt_cluster */
export const cluster: MatchExtension = {
  kind: 'match',
  name: 'cluster',
  summary: 'Matches the connections that this node of a load-sharing cluster handles.',
  effect: 'pure',
  options: {
    'cluster-local-nodemask': {
      value: nodemask,
      description: 'The nodes that this one is, a bit for each.',
      negatable: true,
      group: 'node',
    },
    'cluster-local-node': {
      value: node,
      description: 'The number of this node, counted from 1.',
      negatable: true,
      group: 'node',
      rewrite: ([word = ''], negated): Option => ({
        name: 'cluster-local-nodemask',
        negated,
        values: [hex((1 << (Number(word) - 1)) >>> 0)],
      }),
    },
    'cluster-total-nodes': {
      value: integer({ min: 1, max: MAX_NODES, what: 'number of nodes' }),
      description: 'How many nodes the cluster has.',
      required: true,
    },
    'cluster-hash-seed': {
      value: integer({ max: 0xffffffff, what: 'seed', print: hex }),
      description: 'The seed of the hash, the same on all nodes.',
      required: true,
    },
  },
  normalise: (options, { caution }) => {
    const [local, total] = options
    if (local?.name !== 'cluster-local-nodemask') {
      return refuse('missing-option', 'cluster needs --cluster-local-node or -nodemask')
    }
    const bits = Number(local.values[0])
    if (bits >= 2 ** Number(total?.values[0])) {
      return refuse('invalid-value', 'the local node is over --cluster-total-nodes')
    }
    if (bits > MAX_MASK) {
      const message = `iptables saves a mask of ${hex(bits)}, and does not load one over ${MAX_MASK}`
      caution(refuse('changes-meaning', message, 'number the nodes so that this one is 1 to 6'))
    }
    return options
  },
}
