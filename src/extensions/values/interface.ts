import { refuse, type ValueType } from '../extension.ts'
import { utf8Length } from './text.ts'

/** An interface; a trailing `+` stands for any rest of the name. Saved as it is. */
export const interfaceName: ValueType = {
  name: 'interface',
  words: 1,
  parse: ([word = ''], { caution }) => {
    if (word === '') return refuse('invalid-value', 'the interface name must not be empty')
    if (utf8Length(word) > 15) {
      return refuse('invalid-value', `interface name "${word}" is over 15 bytes`)
    }
    if (/[\s"]/.test(word)) {
      const message = `interface name "${word}" has a blank or a quote: its save can not be loaded again`
      caution(refuse('changes-meaning', message))
    }
    return [word]
  },
  schema: { type: 'string', minLength: 1 },
  description: 'an interface name; a "+" at the end is a wildcard',
  examples: ['eth0', 'veth+'],
  sample: (random) => [
    ['eth0', 'veth+', 'br-lan.100', 'abcdefghijklmno', '+'][random(5)] as string,
  ],
}
