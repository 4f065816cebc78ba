import { refuse, type ValueType } from '../extension.ts'

export interface ChoiceOptions {
  readonly what: string
  /** Every spelling that is read → what a save prints. Spellings are compared in lower case. */
  readonly values: Readonly<Record<string, string>>
  /** A beginning is enough, as for REJECT types; of several the first is taken. */
  readonly prefix?: boolean
  readonly caseSensitive?: boolean
}

/** One word out of a list. */
export function choice({
  what,
  values,
  prefix = false,
  caseSensitive = false,
}: ChoiceOptions): ValueType {
  const fold = (word: string): string => (caseSensitive ? word : word.toLowerCase())
  const byName = new Map(Object.entries(values).map(([name, saved]) => [fold(name), saved]))
  const spellings = Object.keys(values)
  return {
    name: `choice ${what}`,
    words: 1,
    parse: ([word = ''], { caution }) => {
      const exact = byName.get(fold(word))
      if (exact !== undefined) return [exact]
      if (prefix && word !== '') {
        const found = new Set(
          [...byName].filter(([n]) => n.startsWith(fold(word))).map(([, s]) => s),
        )
        const [first] = found
        if (found.size > 1) {
          const message = `"${word}" may be ${[...found].join(' or ')}: iptables takes the first`
          caution(refuse('changes-meaning', message, 'write the whole word'))
        }
        if (first !== undefined) return [first]
      }
      return refuse(
        'invalid-value',
        `"${word}" is not a ${what}`,
        `one of: ${spellings.join(', ')}`,
      )
    },
    schema: { anyOf: [{ enum: [...new Set(spellings)] }, { type: 'string' }] },
    description: `a ${what}`,
    examples: spellings.slice(0, 2),
    sample: (random) => [spellings[random(spellings.length)] as string],
  }
}

export interface ChoiceListOptions {
  readonly what: string
  /** Every spelling that is read → the saved name, in the order in which a save prints them. */
  readonly values: Readonly<Record<string, string>>
  readonly caseSensitive?: boolean
  /** Prints what was typed in the typed order, not sorted. */
  readonly keepOrder?: boolean
  /** Words that stand for several at once, e.g. ALL. */
  readonly groups?: Readonly<Record<string, readonly string[]>>
  /** What stands for an empty list, e.g. NONE. */
  readonly empty?: string
}

/** Several words out of a list, joined by commas: states, flags, weekdays. Duplicates count once. */
export function choiceList(options: ChoiceListOptions): ValueType {
  const { what, values, caseSensitive = false, keepOrder = false, groups = {}, empty } = options
  const fold = (word: string): string => (caseSensitive ? word : word.toLowerCase())
  const byName = new Map(Object.entries(values).map(([name, saved]) => [fold(name), saved]))
  const byGroup = new Map(Object.entries(groups).map(([name, saved]) => [fold(name), saved]))
  const order = [...new Set(Object.values(values))]
  const spellings = [...Object.keys(values), ...Object.keys(groups)]
  return {
    name: `list ${what}`,
    words: 1,
    parse: ([word = '']) => {
      if (empty !== undefined && fold(word) === fold(empty)) return [empty]
      const chosen = new Set<string>()
      for (const part of word.split(',')) {
        const names = byGroup.get(fold(part)) ?? byName.get(fold(part))
        if (names === undefined) {
          const hint = `one or more of: ${spellings.join(', ')}`
          return refuse('invalid-value', `"${part}" is not a ${what}`, hint)
        }
        for (const name of typeof names === 'string' ? [names] : names) chosen.add(name)
      }
      return [(keepOrder ? [...chosen] : order.filter((name) => chosen.has(name))).join(',')]
    },
    schema: {
      anyOf: [
        { enum: spellings },
        { type: 'string' },
        { type: 'array', items: { type: 'string' } },
      ],
    },
    description: `a ${what}, or several`,
    examples: order.slice(0, 1),
    sample: (random) => {
      const picked = order.filter(() => random(3) === 0)
      const shuffled = random(2) === 0 ? picked.reverse() : picked
      return [shuffled.length > 0 ? shuffled.join(',') : (order[random(order.length)] as string)]
    },
  }
}
