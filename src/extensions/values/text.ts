import { type JsonSchema, refuse, type ValueContext, type ValueType } from '../extension.ts'

/** An option without a value. In YAML: `true`. */
export const flag: ValueType = {
  name: 'flag',
  words: 0,
  parse: () => [],
  schema: { enum: [true, '!'], description: '`true` sets the option, `"!"` sets it negated.' },
  description: 'no value',
  examples: [true],
  sample: () => [],
}

export interface TextOptions {
  readonly what: string
  /** Bytes. iptables cuts what is longer, silently, or refuses it: see `overlong`. */
  readonly max: number | ((context: ValueContext) => number)
  readonly min?: number
  readonly overlong: 'cut' | 'refused'
  readonly quote?: 'text' | 'always'
  /** What a name may be made of, where iptables itself minds. */
  readonly pattern?: RegExp
  readonly examples: readonly string[]
}

/** A free text: a comment, a prefix, a name. Lengths are bytes of UTF-8. */
export function text(options: TextOptions): ValueType {
  const { what, min = 0, overlong, pattern, examples } = options
  const limit = (context: ValueContext): number =>
    typeof options.max === 'number' ? options.max : options.max(context)
  const maxLength = typeof options.max === 'number' ? { maxLength: options.max } : {}
  const schema: JsonSchema = { type: 'string', minLength: min, ...maxLength }
  return {
    name: `text ${what}`,
    words: 1,
    parse: ([word = ''], context) => {
      const max = limit(context)
      const bytes = utf8Length(word)
      if (bytes < min) return refuse('invalid-value', `the ${what} must not be empty`)
      if (pattern !== undefined && !pattern.test(word)) {
        return refuse('invalid-value', `"${word}" is not a ${what}`)
      }
      if (bytes <= max) return [word]
      const message = `the ${what} has ${bytes} bytes, at most ${max} are kept`
      if (overlong === 'refused') return refuse('text-too-long', message)
      context.caution(refuse('text-too-long', message, `shorten it to ${max} bytes`))
      return [cutUtf8(word, max)]
    },
    // UTF-8 has at most three bytes for what is one unit in here.
    ...(typeof options.max === 'number' && {
      isNormal: (word: string) =>
        word.length >= min &&
        word.length * 3 <= (options.max as number) &&
        (pattern === undefined || pattern.test(word)),
    }),
    quote: options.quote ?? 'text',
    schema,
    description: `a ${what}`,
    examples,
    sample: (random) => [examples[random(examples.length)] as string],
  }
}

/** Bytes that a text has in UTF-8. */
export function utf8Length(word: string): number {
  let bytes = 0
  for (let i = 0; i < word.length; i++) {
    const code = word.charCodeAt(i)
    if (code < 0x80) bytes += 1
    else if (code < 0x800) bytes += 2
    else if (code >= 0xd800 && code < 0xdc00) {
      bytes += 4
      i++
    } else bytes += 3
  }
  return bytes
}

function cutUtf8(word: string, max: number): string {
  return new TextDecoder().decode(new TextEncoder().encode(word).slice(0, max))
}
