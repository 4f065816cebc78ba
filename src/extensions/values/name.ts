import { refuse, type ValueType } from '../extension.ts'
import { text } from './text.ts'

export interface NameOptions {
  readonly what: string
  /** Bytes; what is longer is cut, as iptables does it, unless `overlong` says otherwise. */
  readonly max: number
  readonly overlong?: 'cut' | 'refused'
  readonly examples: readonly string[]
}

/**
 * A name that a save prints without quotes. One with a blank or a quote makes a save that can not
 * be loaded again, so it is refused although iptables takes it.
 */
export function name({ what, max, overlong = 'cut', examples }: NameOptions): ValueType {
  const { quote: _, isNormal: _text, ...type } = text({ what, min: 1, max, overlong, examples })
  return {
    ...type,
    name: `name ${what}`,
    parse: ([word = ''], context) => {
      if (!/[\s"\\]/.test(word)) return type.parse([word], context)
      return refuse('invalid-value', `the ${what} "${word}" has a blank, a quote or a backslash`)
    },
  }
}
