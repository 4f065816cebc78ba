import { type Refusal, refuse, type ValueType } from '../extension.ts'
import { hex, mark, parseMark } from './mark.ts'

const FULL = 0xffffffff
const NUMBER = mark({ what: 'realm', bits: 32 })

/** /etc/iproute2/rt_realms as it is shipped; a save prints a name where there is one. */
const NAMES: Readonly<Record<string, number>> = { cosmos: 0 }

/** A routing realm with a mask, or its name. */
export const realmValue: ValueType = {
  ...NUMBER,
  name: 'realm',
  parse: ([word = '']) => {
    const read = parseMark(String(NAMES[word] ?? word), FULL, 'realm')
    if (!Array.isArray(read)) {
      return refuse('invalid-value', `"${word}" is not a realm`, (read as Refusal).hint)
    }
    const [value, mask] = read as [number, number]
    return [mask === FULL ? hex(value) : `${hex(value)}/${hex(mask)}`]
  },
  print: (values) =>
    values.map((v) => Object.keys(NAMES).find((name) => hex(NAMES[name] as number) === v) ?? v),
}
