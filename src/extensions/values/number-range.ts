import type { OptionSpec } from '../extension.ts'
import { integerRange } from './number.ts'

/** A range of 32-bit numbers (XTTYPE_UINT32RC); all of them together are not saved. */
export function numberRange(what: string, description: string): OptionSpec {
  return {
    value: integerRange({ separator: ':', max: 0xffffffff, what, reversed: 'accepted' }),
    description,
    negatable: true,
    any: '0:4294967295',
  }
}
