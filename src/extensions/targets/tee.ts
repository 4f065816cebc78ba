import { refuse, type TargetExtension, type ValueType } from '../extension.ts'
import { hostAddress } from '../values/host-address.ts'
import { interfaceName } from '../values/interface.ts'

/** The kernel refuses the address that means none. */
const GATEWAY: ValueType = {
  ...hostAddress,
  name: 'gateway',
  parse: (words, context) => {
    const parsed = hostAddress.parse(words, context)
    return Array.isArray(parsed) && ['0.0.0.0', '::'].includes(parsed[0] ?? '')
      ? refuse('invalid-value', `"${words[0]}" can not be a gateway`)
      : parsed
  },
}

/** libxt_TEE */
export const tee: TargetExtension = {
  kind: 'target',
  name: 'TEE',
  summary: 'Sends a copy of the packet to another host and goes on with the next rule.',
  terminating: false,
  options: {
    gateway: { value: GATEWAY, description: 'The host that gets the copy.', required: true },
    oif: { value: interfaceName, description: 'The interface that the copy leaves by.' },
  },
}
