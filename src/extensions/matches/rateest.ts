import type { Option } from '../../ruleset/model.ts'
import {
  type MatchExtension,
  type OptionSpec,
  type Refusal,
  refuse,
  type ValueContext,
  type ValueType,
} from '../extension.ts'
import { bitRate } from '../values/bit-rate.ts'
import { name } from '../values/name.ts'
import { integer } from '../values/number.ts'
import { flag } from '../values/text.ts'

/** IFNAMSIZ is 16. */
const NAME = name({ what: 'estimator name', max: 15, examples: ['wan-in', 'wan-out'] })

const PACKETS = integer({ max: 0xffffffff, what: 'number of packets' })
const packetRate: ValueType = {
  ...PACKETS,
  schema: { anyOf: [{ const: true }, { type: 'integer', minimum: 0 }, { type: 'string' }] },
}

const MODES = ['rateest-lt', 'rateest-gt', 'rateest-eq']

function estimator(description: string, group?: string): OptionSpec {
  return { value: NAME, description, ...(group && { group }) }
}

function mode(description: string): OptionSpec {
  return { value: flag, description, negatable: true, group: 'mode' }
}

function rate(value: ValueType, description: string, group?: string): OptionSpec {
  return { value, description, optional: true, ...(group && { group }) }
}

/**
 * libxt_rateest. It compares an estimator with a number, or two estimators with each other, each
 * perhaps subtracted from a number (--rateest-delta). A save has one of four forms.
 */
export const rateest: MatchExtension = {
  kind: 'match',
  name: 'rateest',
  summary: 'Compares the rates that RATEEST targets have estimated.',
  effect: 'stateful',
  needsHost: 'a RATEEST target',
  options: {
    'rateest-delta': {
      value: flag,
      description: 'Compare how far each estimate is below its number.',
    },
    rateest: estimator('The estimator that is compared with a number.', 'first'),
    rateest1: estimator('The first of two estimators.', 'first'),
    'rateest-bps1': rate(bitRate, 'The bits per second the first estimate is subtracted from.'),
    'rateest-pps1': rate(packetRate, 'The packets per second it is subtracted from.'),
    'rateest-lt': mode('The first rate is less.'),
    'rateest-gt': mode('The first rate is greater.'),
    'rateest-eq': mode('The rates are equal.'),
    'rateest-bps': rate(bitRate, 'Compare bits per second, with this number.', 'second'),
    'rateest-pps': rate(packetRate, 'Compare packets per second, with this number.', 'second'),
    'rateest-bps2': rate(bitRate, 'The bits per second of the second side.', 'second'),
    'rateest-pps2': rate(packetRate, 'The packets per second of the second side.', 'second'),
    rateest2: estimator('The second estimator.'),
  },
  normalise: (_options, context, typed) => savedForm(typed, context),
}

function savedForm(
  typed: readonly Option[],
  { caution }: ValueContext,
): readonly Option[] | Refusal {
  const find = (...names: readonly string[]): Option | undefined =>
    typed.find((o) => names.includes(o.name))
  const first = find('rateest', 'rateest1')
  const how = find(...MODES)
  const units = ['bps', 'pps'].filter((unit) => typed.some((o) => o.name.includes(`-${unit}`)))
  const [unit] = units
  if (first === undefined || how === undefined || unit === undefined) {
    const what = 'an estimator, one of --rateest-lt, -gt, -eq, and bps or pps'
    return refuse('missing-option', `rateest needs ${what}`)
  }
  if (units.length > 1) {
    const message = 'iptables saves bps with pps so that it can not be loaded again'
    return refuse('changes-meaning', message, 'use two matches')
  }
  const [delta, other] = [find('rateest-delta'), find('rateest2')]
  const one = find(`rateest-${unit}1`)
  const two = find(`rateest-${unit}2`, `rateest-${unit}`)
  if (!delta && (one?.values.length || (other && two?.values.length))) {
    const message = 'the number has no effect without --rateest-delta'
    caution(refuse('changes-meaning', message, 'leave it out'))
  }
  const zero = unit === 'bps' ? '0bit' : '0'
  const plain = (name: string, values: readonly string[]): Option => ({
    name,
    negated: false,
    values,
  })
  const number = (name: string, given: Option | undefined): Option =>
    plain(name, [given?.values[0] ?? zero])
  return [
    ...(delta ? [delta] : []),
    plain(other ? 'rateest1' : 'rateest', first.values),
    ...(delta ? [number(`rateest-${unit}1`, one)] : []),
    how,
    delta
      ? number(`rateest-${unit}2`, two)
      : other
        ? plain(`rateest-${unit}`, [])
        : number(`rateest-${unit}`, two),
    ...(other ? [other] : []),
  ]
}
