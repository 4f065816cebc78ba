/** The options of iptables itself, but for those that load a match or a target. */
import { isRefusal, type Refusal, refuse } from '../extensions/extension.ts'
import { parseCounters, parseInterface, parseNetworks, parseProtocol } from './criteria.ts'
import { loadMatch, loadTarget } from './load-extension.ts'
import type { BaseOption } from './options.ts'
import { problem, type Reading, takeValue, valueContext, type Written } from './reading.ts'

/** A rule has one of each at most. */
function isGiven(reading: Reading, option: BaseOption): boolean {
  switch (option) {
    case 'source':
    case 'destination':
    case 'protocol':
      return reading[option] !== undefined
    case 'in-interface':
      return reading.inInterface !== undefined
    case 'out-interface':
      return reading.outInterface !== undefined
    case 'fragments':
      return reading.fragment !== undefined
    case 'set-counters':
      return reading.counters !== undefined
    case 'jump':
    case 'goto':
      return reading.target !== undefined
    default:
      return false
  }
}

const NOT_NEGATABLE: readonly BaseOption[] = [
  'match',
  'jump',
  'goto',
  'set-counters',
  'ipv4',
  'ipv6',
]

export function readBase(
  reading: Reading,
  { option, attached }: { readonly option: BaseOption; readonly attached?: string },
  { negated, start }: Written,
): void {
  if (negated && NOT_NEGATABLE.includes(option)) {
    return problem(reading, start, refuse('not-negatable', `--${option} can not be negated`))
  }
  if (isGiven(reading, option)) {
    return problem(reading, start, refuse('conflicting-options', `--${option} is given twice`))
  }
  if (option === 'ipv4' || option === 'ipv6') {
    reading.onlyFamily = option
    return
  }
  if (option === 'fragments') return readFragment(reading, negated, start)
  const at = attached === undefined ? reading.at : reading.at - 1
  const value = takeValue(reading, attached, option)
  if (value === undefined) return
  if (option === 'match') return loadMatch(reading, value, at)
  if (option === 'jump' || option === 'goto') {
    return loadTarget(reading, { name: value, verb: option, at })
  }
  const refusal = readCriterion(reading, option, { value, negated, at })
  if (refusal !== undefined) problem(reading, at, refusal)
}

interface CriterionWords {
  readonly value: string
  readonly negated: boolean
  readonly at: number
}

/** Stores what the value says; why not, if it is not acceptable. */
function readCriterion(
  reading: Reading,
  option: 'source' | 'destination' | 'in-interface' | 'out-interface' | 'protocol' | 'set-counters',
  { value, negated, at }: CriterionWords,
): Refusal | undefined {
  const context = valueContext(reading, at)
  switch (option) {
    case 'source':
    case 'destination': {
      const networks = parseNetworks(value, negated, context)
      if (isRefusal(networks)) return networks
      reading[option] = networks
      return undefined
    }
    case 'in-interface':
    case 'out-interface': {
      const name = parseInterface(value, negated, context)
      if ('code' in name) return name
      reading[option === 'in-interface' ? 'inInterface' : 'outInterface'] = name
      return undefined
    }
    case 'protocol': {
      const protocol = parseProtocol(value, negated, context)
      if ('code' in protocol) return protocol
      reading.protocol = protocol
      return undefined
    }
    case 'set-counters': {
      const second = value.includes(',') ? undefined : reading.words[reading.at++]
      const counters = parseCounters(value, second)
      if ('code' in counters) return counters
      reading.counters = counters
      return undefined
    }
  }
}

function readFragment(reading: Reading, negated: boolean, start: number): void {
  if (reading.context.dialect.family === 'ipv6') {
    return problem(
      reading,
      start,
      refuse('wrong-family', '-f is IPv4 only', 'use the frag match for IPv6'),
    )
  }
  reading.fragment = { negated, value: '' }
}
