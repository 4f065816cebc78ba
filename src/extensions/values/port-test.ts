import type { Option } from '../../ruleset/model.ts'
import type { OptionSpec, ValueType } from '../extension.ts'

/** `--sport` or `--dport` of a protocol with ports, which `value` reads. */
export function portTest(
  value: ValueType,
  description: string,
  aliases: readonly string[],
): OptionSpec {
  return {
    value,
    description,
    aliases,
    negatable: true,
    any: '0:65535',
    fold: complement,
  }
}

/** `! 0:1023` is `1024:65535` and the other way round; neither is if a port is left on both sides. */
function complement(option: Option): Option {
  const [from = 0, to = from] = (option.values[0] ?? '').split(':').map(Number)
  if (!option.negated || (from === 0) === (to === 65535)) return option
  const rest = from === 0 ? [to + 1, 65535] : [0, from - 1]
  const value = rest[0] === rest[1] ? String(rest[0]) : rest.join(':')
  return { ...option, negated: false, values: [value] }
}

/** nft from 1.8.8 on stores a negated range that begins at 0 as "greater than its end". */
export function storedByNft(option: Option): Option {
  const isPort = option.name === 'sport' || option.name === 'dport'
  return isPort && /^0:/.test(option.values[0] ?? '') ? complement(option) : option
}
