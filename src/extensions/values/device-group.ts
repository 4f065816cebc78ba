import type { ValueType } from '../extension.ts'
import { mark } from './mark.ts'

const number = mark({ what: 'device group', bits: 32 })

/**
 * A device group with a mask. Of the names in /etc/iproute2/group only `default` is the same
 * everywhere; iptables saves it instead of 0x0.
 */
export const deviceGroup: ValueType = {
  ...number,
  name: 'device group',
  parse: ([word = ''], context) => number.parse([word === 'default' ? '0' : word], context),
  print: ([value = '']) => [value === '0x0' ? 'default' : value],
  description: 'a device group, optionally with a mask: VALUE/MASK',
  examples: ['0x10', 'default'],
  sample: (random, context) => (random(8) === 0 ? ['default'] : number.sample(random, context)),
}
