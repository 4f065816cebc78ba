import type { MatchExtension, OptionSpec } from '../extension.ts'
import { bigInteger } from '../values/big-integer.ts'
import { setReference } from '../values/set-reference.ts'
import { flag } from '../values/text.ts'

function counter(what: 'packets' | 'bytes', than: string, negatable = false): OptionSpec {
  return {
    value: bigInteger({ what: `count of ${what}` }),
    description: `Match only if the element has counted ${than} ${what}.`,
    group: what,
    negatable,
  }
}

/** Without the "!" the option says what is so anyway. */
function update(description: string): OptionSpec {
  return { value: flag, description, negatable: true, repeatable: true, omit: '' }
}

/** libxt_set, revision 4 */
export const set: MatchExtension = {
  kind: 'match',
  name: 'set',
  summary: 'Matches addresses, ports and interfaces that are in an ipset.',
  effect: 'pure',
  // What it counts is what it then tests.
  effectOf: (options) =>
    options.some((o) => /^(packets|bytes)-/.test(o.name)) ? 'stateful' : 'pure',
  needsHost: 'an ipset of that name',
  options: {
    'match-set': {
      value: setReference,
      description: 'The set, and what of the packet is looked up in it.',
      aliases: ['set'],
      negatable: true,
      required: true,
    },
    'return-nomatch': {
      value: flag,
      description: 'Match the elements that are marked as nomatch, and no others.',
      repeatable: true,
    },
    'update-counters': update('With "!": do not count the packet in the element it matches.'),
    'update-subcounters': update(
      'With "!": do not count the packet in the element of a member of a list of sets.',
    ),
    'packets-eq': counter('packets', 'exactly so many', true),
    'packets-lt': counter('packets', 'fewer'),
    'packets-gt': counter('packets', 'more'),
    'bytes-eq': counter('bytes', 'exactly so many', true),
    'bytes-lt': counter('bytes', 'fewer'),
    'bytes-gt': counter('bytes', 'more'),
  },
  // Repeated flags are one.
  normalise: (options) =>
    options.filter((o, i) => options.findIndex((other) => other.name === o.name) === i),
}
