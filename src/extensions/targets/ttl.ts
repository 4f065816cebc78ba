import type { OptionSpec, TargetExtension } from '../extension.ts'
import { integer } from '../values/number.ts'

/** `--X-set`, `--X-dec` and `--X-inc` of libipt_TTL and libip6t_HL. */
function hopOptions(prefix: string, what: string): Readonly<Record<string, OptionSpec>> {
  const option = (min: number, description: string): OptionSpec => ({
    value: integer({ min, max: 255, what }),
    description,
    group: 'action',
  })
  return {
    [`${prefix}-set`]: option(0, `Sets the ${what}.`),
    [`${prefix}-dec`]: option(1, `Lowers the ${what} by this much.`),
    [`${prefix}-inc`]: option(1, `Raises the ${what} by this much.`),
  }
}

/** libipt_TTL */
export const ttlTarget: TargetExtension = {
  kind: 'target',
  name: 'TTL',
  summary: 'Changes the time to live of the packet.',
  families: ['ipv4'],
  terminating: false,
  tables: ['mangle'],
  needsOption: true,
  options: hopOptions('ttl', 'TTL'),
}

/** libip6t_HL */
export const hlTarget: TargetExtension = {
  kind: 'target',
  name: 'HL',
  summary: 'Changes the hop limit of the packet.',
  families: ['ipv6'],
  terminating: false,
  tables: ['mangle'],
  needsOption: true,
  options: hopOptions('hl', 'hop limit'),
}
