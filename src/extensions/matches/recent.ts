import type { Option } from '../../ruleset/model.ts'
import { type MatchExtension, refuse, type ValueContext, type ValueType } from '../extension.ts'
import { hostAddress } from '../values/host-address.ts'
import { name } from '../values/name.ts'
import { integer } from '../values/number.ts'
import { flag } from '../values/text.ts'

const FULL_MASK = {
  ipv4: '255.255.255.255',
  ipv6: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
}

/** What only makes sense when the list is asked; xt_recent refuses it with --set and --remove. */
const CONDITIONS = ['seconds', 'hitcount', 'rttl']

/** XT_RECENT_NAME_LEN is 200. The kernel makes a file of that name under /proc. */
const LIST_NAME = fileName(name({ what: 'list name', max: 199, examples: ['ssh', 'bad-guys'] }))

function fileName(type: ValueType): ValueType {
  return {
    ...type,
    parse: (words, context) =>
      /^\.{1,2}$|\//.test(words[0] ?? '')
        ? refuse('invalid-value', `"${words[0]}" can not be the name of a list`)
        : type.parse(words, context),
  }
}

function action(description: string): MatchExtension['options'][string] {
  return { value: flag, description, negatable: true, group: 'action' }
}

/** libxt_recent, revision 1 */
export const recent: MatchExtension = {
  kind: 'match',
  name: 'recent',
  summary: 'Keeps a list of addresses and matches by when they were last seen.',
  effect: 'stateful',
  options: {
    set: action('Add the address to the list; always matches.'),
    rcheck: action('Match if the address is in the list.'),
    update: action('Match if the address is in the list, and renew its last-seen time.'),
    remove: action('Match if the address is in the list, and remove it.'),
    seconds: {
      // A save prints it as a signed number, which does not load from 2^31 on.
      value: integer({ min: 1, max: 0x7fffffff, what: 'number of seconds' }),
      description: 'Match only if the address was seen in the last so many seconds.',
    },
    reap: {
      value: flag,
      description: 'Forget the entries that are older than --seconds.',
      needs: ['seconds'],
    },
    hitcount: {
      value: integer({ max: 65535, what: 'hit count' }),
      description: 'Match only if at least so many packets of the address were seen.',
      omit: '0',
    },
    rttl: {
      value: flag,
      description: 'Match only if the TTL is that of the packet that was added.',
    },
    name: {
      value: LIST_NAME,
      description: 'The name of the list.',
      preset: 'DEFAULT',
    },
    mask: {
      value: hostAddress,
      description: 'The part of the address that counts, as a mask written like an address.',
      preset: ({ family }: ValueContext) => FULL_MASK[family],
    },
    rsource: {
      value: flag,
      description: 'The list is about source addresses (the default).',
    },
    rdest: { value: flag, description: 'The list is about destination addresses.' },
  },
  normalise: (options, context, typed) => {
    const has = (name: string): boolean => options.some((o) => o.name === name)
    const asks = has('rcheck') || has('update')
    if (!asks && !has('set') && !has('remove')) {
      const message = 'recent needs one of --set, --rcheck, --update, --remove'
      return refuse('missing-option', message)
    }
    const condition = asks ? undefined : CONDITIONS.find(has)
    if (condition !== undefined) {
      const message = `--${condition} can only be used with --rcheck and --update`
      return refuse('conflicting-options', message)
    }
    if (has('rsource') && has('rdest')) {
      const message = 'of --rsource and --rdest only the last one counts'
      context.caution(refuse('conflicting-options', message, 'leave one of them out'))
    }
    const isSide = ({ name }: Option): boolean => name === 'rsource' || name === 'rdest'
    const side = typed.findLast(isSide) ?? { name: 'rsource', negated: false, values: [] }
    return [...options.filter((o) => !isSide(o)), side]
  },
}
