import { type Random, refuse, type ValueType } from '../extension.ts'
import { parseNumber, spell } from './number.ts'

/** XT_U32_MAXSIZE: tests, numbers in a location, ranges of a value. */
const MAX_SIZE = 10

const NUMBER = String.raw`\s*(?:0[xX][0-9a-fA-F]+|[0-9]+)\s*`
const LOCATION = new RegExp(`^${NUMBER}(?:(?:&|<<|>>|@)${NUMBER})*$`)
const VALUES = new RegExp(`^${NUMBER}(?::${NUMBER})?(?:,${NUMBER}(?::${NUMBER})?)*$`)

/** The little language of `man iptables-extensions`; saved in hexadecimal without blanks. */
export const u32Tests: ValueType = {
  name: 'u32 tests',
  words: 1,
  parse: ([word = '']) => {
    const tests = word.split('&&').map(normaliseTest)
    if (tests.length > MAX_SIZE) {
      return refuse('invalid-value', `${tests.length} tests, at most ${MAX_SIZE} fit`)
    }
    if (tests.every((test) => test !== undefined)) return [tests.join('&&')]
    const hint = `write 6&0xFF=1; a location has up to ${MAX_SIZE} numbers, a value up to ${MAX_SIZE} ranges`
    return refuse('invalid-value', `"${word}" is not a u32 test`, hint)
  },
  quote: 'always',
  schema: { type: 'string' },
  description: 'tests of 32-bit numbers in the packet: LOCATION=VALUES&&…',
  examples: ['6&0xFF=1', '0>>22&0x3C@0>>24=0'],
  sample: (random) => {
    const tests = Array.from({ length: 1 + random(3) }, () => sampleTest(random))
    return [tests.join(random(2) === 0 ? '&&' : ' && ')]
  },
}

function normaliseTest(test: string): string | undefined {
  const [location = '', values = '', ...rest] = test.split('=')
  if (rest.length > 0 || !LOCATION.test(location) || !VALUES.test(values)) return undefined
  const places = location.split(/&|<<|>>|@/)
  const ranges = values.split(',')
  if (places.length > MAX_SIZE || ranges.length > MAX_SIZE) return undefined
  // The kernel refuses to shift by more bits than there are.
  if (/(?:<<|>>)/.test(location) && !shiftsFit(location)) return undefined
  const saved = [hexNumbers(location), ranges.map(normaliseRange).join(',')]
  return saved.some((part) => part.includes('?')) ? undefined : saved.join('=')
}

function shiftsFit(location: string): boolean {
  return [...location.matchAll(/(?:<<|>>)\s*([0-9a-fA-FxX]+)/g)].every(
    ([, bits]) => (parseNumber(bits as string) ?? 99n) <= 31n,
  )
}

/** `5:5` is saved as `0x5`. */
function normaliseRange(range: string): string {
  const [from, to] = range.split(':').map(hexNumbers)
  return to === undefined || from === to ? (from as string) : `${from}:${to}`
}

/** All numbers in hexadecimal, blanks gone; `?` for one that is none or over 32 bits. */
function hexNumbers(text: string): string {
  return text.replaceAll(/\s+/g, '').replaceAll(/[0-9][0-9a-fA-FxX]*/g, (digits) => {
    const number = parseNumber(digits)
    return number === undefined || number > 0xffffffffn ? '?' : `0x${number.toString(16)}`
  })
}

function sampleTest(random: Random): string {
  const number = (): string => spell(random, random(2) === 0 ? random(64) : random(0x7fffffff))
  const location = Array.from({ length: random(4) }, () => {
    const operator = ['&', '<<', '>>', '@', ' & ', ' >> '][random(6)] as string
    return `${operator}${/[<>]/.test(operator) ? random(32) : number()}`
  })
  const values = Array.from({ length: 1 + random(3) }, () => {
    const from = random(1000)
    return random(2) === 0 ? number() : `${from}:${from + random(1000)}`
  })
  return `${number()}${location.join('')}=${values.join(random(2) === 0 ? ',' : ', ')}`
}
