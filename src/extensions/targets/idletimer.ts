import { refuse, type TargetExtension } from '../extension.ts'
import { name } from '../values/name.ts'
import { integer } from '../values/number.ts'
import { flag } from '../values/text.ts'

/** sysfs has these next to the timers: idletimer_check_sysfs_name of xt_IDLETIMER. */
const RESERVED = ['power', 'subsystem', 'uevent', '.', '..']

/** xt_IDLETIMER counts in milliseconds with a sign. */
const LONGEST = 2147482

/** libxt_IDLETIMER */
export const idletimer: TargetExtension = {
  kind: 'target',
  name: 'IDLETIMER',
  summary: 'Tells programs when no packet has matched for some time.',
  terminating: false,
  needsHost: 'timers are one list for all network namespaces',
  options: {
    timeout: {
      value: integer({ min: 1, max: LONGEST, what: 'number of seconds' }),
      description: 'The time in seconds.',
      required: true,
    },
    label: {
      value: name({ what: 'label', max: 27, examples: ['wan-idle'] }),
      description: 'The name of the timer; rules with the same name share it.',
      required: true,
    },
    alarm: { value: flag, description: 'Also wakes the host from suspend.' },
  },
  check: (options) => {
    const label = options.find((o) => o.name === 'label')?.values[0] ?? ''
    if (!RESERVED.includes(label) && !label.includes('/')) return undefined
    return refuse('invalid-value', `"${label}" can not be the label of a timer`)
  },
}
