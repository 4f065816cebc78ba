import { atLeast } from '../../ruleset/model.ts'
import { refuse, type ValueType } from '../extension.ts'

/** A hardware address. Saved in upper case up to 1.8.6, in lower case since. */
export const macAddress: ValueType = {
  name: 'mac address',
  words: 1,
  parse: ([word = '']) => {
    const bytes = word.split(':')
    if (bytes.length !== 6 || !bytes.every((byte) => /^[0-9a-fA-F]{1,2}$/.test(byte))) {
      return refuse('invalid-value', `"${word}" is not a MAC address`, 'write 00:11:22:aa:bb:cc')
    }
    return [bytes.map((byte) => byte.padStart(2, '0').toLowerCase()).join(':')]
  },
  print: (values, { version }) =>
    atLeast(version, [1, 8, 7]) ? values : values.map((value) => value.toUpperCase()),
  schema: { type: 'string', pattern: '^(! *)?([0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}$' },
  description: 'a MAC address: six hexadecimal bytes with colons',
  examples: ['00:11:22:aa:bb:cc'],
  sample: (random) => {
    const bytes = Array.from({ length: 6 }, () => random(256).toString(16))
    const address = bytes.map((byte) => (random(2) === 0 ? byte.padStart(2, '0') : byte)).join(':')
    return [random(2) === 0 ? address : address.toUpperCase()]
  },
}
