import { type OptionSpec, refuse, type TargetExtension } from '../extension.ts'
import { integer } from '../values/number.ts'
import { setReference } from '../values/set-reference.ts'
import { flag } from '../values/text.ts'

const SETS = ['add-set', 'del-set', 'map-set']
const MAPS = ['map-mark', 'map-prio', 'map-queue']

function mapping(description: string, after: boolean): OptionSpec {
  return {
    value: flag,
    description,
    needs: ['map-set'],
    ...(after && { hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'] }),
  }
}

/** libxt_SET, revision 3 */
export const setTarget: TargetExtension = {
  kind: 'target',
  name: 'SET',
  summary: 'Adds or deletes addresses and ports of the packet to or from a set.',
  terminating: false,
  needsHost: 'the set must exist',
  options: {
    'add-set': { value: setReference, description: 'Adds an entry to the set.' },
    exist: {
      value: flag,
      description: 'Adding an entry that is there starts its timeout anew.',
      needs: ['add-set'],
    },
    timeout: {
      value: integer({ max: 0xfffffffe, what: 'timeout' }),
      description: 'The timeout of the new entry in seconds, instead of the default of the set.',
      needs: ['add-set'],
    },
    'del-set': { value: setReference, description: 'Deletes an entry from the set.' },
    'map-set': {
      value: setReference,
      description: 'Looks up an entry of a set with skbinfo.',
      tables: ['mangle'],
    },
    'map-mark': mapping('Gives the packet the mark of the entry.', false),
    'map-prio': mapping('Gives the packet the priority of the entry.', true),
    'map-queue': mapping('Gives the packet the hardware queue of the entry.', true),
  },
  normalise: (options) => {
    const given = new Set(options.map((o) => o.name))
    if (!SETS.some((n) => given.has(n))) {
      return refuse('missing-option', 'SET needs --add-set, --del-set or --map-set')
    }
    if (given.has('map-set') && !MAPS.some((n) => given.has(n))) {
      return refuse('missing-option', '--map-set needs --map-mark, --map-prio or --map-queue')
    }
    return options
  },
}
