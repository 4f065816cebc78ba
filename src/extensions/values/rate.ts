import { refuse, type ValueType } from '../extension.ts'

/** Units as a save writes them, with their seconds, longest first. */
const UNITS: readonly (readonly [string, number])[] = [
  ['day', 86400],
  ['hour', 3600],
  ['min', 60],
  ['sec', 1],
]

/**
 * Seconds of a unit as typed. iptables compares with the beginning of second, minute, hour, day,
 * so `s`, `sec`, `seconds` fail or pass as they are prefixes of the full word.
 */
function unitSeconds(typed: string): number | undefined {
  const words: readonly (readonly [string, number])[] = [
    ['second', 1],
    ['minute', 60],
    ['hour', 3600],
    ['day', 86400],
  ]
  return words.find(([word]) => word.startsWith(typed.toLowerCase()))?.[1]
}

/** The cost of one packet in units of 1/scale second, as xt_limit and xt_hashlimit store it. */
export function parseRate(word: string, scale: number): number | undefined {
  const [, count = '', unit] = /^([0-9]+)(?:\/([A-Za-z]+))?$/.exec(word) ?? []
  const seconds = unit === undefined ? 1 : unitSeconds(unit)
  const packets = Number(count)
  if (seconds === undefined || packets === 0) return undefined
  return Math.floor((scale * seconds) / packets)
}

/** Prints a cost as iptables does: in the shortest unit that loses nothing that matters. */
export function formatRate(cost: number, scale: number): string {
  let [name, seconds] = UNITS[0] as readonly [string, number]
  for (const [shorter, shorterSeconds] of UNITS.slice(1)) {
    const unit = scale * shorterSeconds
    if (cost > unit || Math.floor(unit / cost) < unit % cost) break
    name = shorter
    seconds = shorterSeconds
  }
  return `${Math.floor((scale * seconds) / cost)}/${name}`
}

/** Packets per time: `10/minute`. Two rates are equal when their cost in the kernel is. */
export function rate(scale: number): ValueType {
  return {
    name: `rate ${scale}`,
    words: 1,
    parse: ([word = '']) => {
      const cost = parseRate(word, scale)
      if (cost === undefined)
        return refuse('invalid-value', `"${word}" is not a rate`, 'write 10/minute')
      if (cost === 0)
        return refuse('invalid-value', `the rate ${word} is too fast`, `at most ${scale}/second`)
      return [formatRate(cost, scale)]
    },
    schema: { anyOf: [{ type: 'integer', minimum: 1 }, { type: 'string' }] },
    description: 'a rate: a number per second, minute, hour or day',
    examples: ['10/minute', '5/s'],
    sample: (random) => {
      const unit = [
        '',
        '/s',
        '/sec',
        '/second',
        '/m',
        '/min',
        '/minute',
        '/h',
        '/hour',
        '/d',
        '/day',
      ][random(11)]
      return [`${1 + random(random(2) === 0 ? 100 : 9999)}${unit}`]
    },
  }
}
