import type { Option } from '../../ruleset/model.ts'
import { type MatchExtension, type Refusal, refuse } from '../extension.ts'
import { choice } from '../values/choice.ts'
import { impossible, negatedFullRange } from '../values/never-matches.ts'
import { integer } from '../values/number.ts'
import { probability } from '../values/probability.ts'

/** libxt_statistic. `--packet` is documented as optional, but --every is refused without it. */
export const statistic: MatchExtension = {
  kind: 'match',
  name: 'statistic',
  summary: 'Matches a share of the packets, at random or every nth.',
  effect: 'stateful',
  options: {
    mode: {
      value: choice({
        what: 'mode',
        values: { random: 'random', nth: 'nth' },
        caseSensitive: true,
      }),
      description: 'How the packets are chosen.',
      required: true,
    },
    probability: {
      value: probability,
      description: 'With mode random: how likely a packet matches.',
      negatable: true,
      group: 'share',
    },
    every: {
      value: integer({ min: 1, max: 0xffffffff, what: 'number of packets' }),
      description: 'With mode nth: every how many packets one matches.',
      negatable: true,
      group: 'share',
      needs: ['packet'],
    },
    packet: {
      value: integer({ max: 0xfffffffe, what: 'start of the counter' }),
      description: 'With mode nth: which of the packets matches, counted from 0.',
      needs: ['every'],
    },
  },
  normalise: (options) => checkMode(options) ?? options,
  caution: (options) =>
    impossible(options, { probability: '0.00000000000' }, 'the probability is 0') ??
    negatedFullRange(options, '1.00000000000') ??
    negatedFullRange(
      options.filter((o) => o.name === 'every'),
      '1',
    ),
}

function checkMode(options: readonly Option[]): Refusal | undefined {
  const value = (name: string): string | undefined =>
    options.find((o) => o.name === name)?.values[0]
  const wanted = value('mode') === 'random' ? 'probability' : 'every'
  if (value(wanted) === undefined) {
    return refuse('missing-option', `--mode ${value('mode')} needs --${wanted}`)
  }
  if (wanted === 'every' && Number(value('packet')) >= Number(value('every'))) {
    return refuse('invalid-value', '--packet must be less than --every')
  }
  return undefined
}
