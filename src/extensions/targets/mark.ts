import type { OptionSpec, TargetExtension } from '../extension.ts'
import { hex, mark, parseMark } from '../values/mark.ts'

const FULL = 0xffffffff
const SPELLING = mark({ what: 'mark', bits: 32, omitFullMask: false })

/** A spelling of `--set-xmark VALUE/MASK`, computed as libxt_MARK does. */
function spelling(
  description: string,
  compute: (value: number, mask: number) => readonly [number, number],
): OptionSpec {
  return {
    value: SPELLING,
    description,
    group: 'mark',
    rewrite: ([word = ''], negated) => {
      const [value, mask] = parseMark(word, FULL, 'mark') as [number, number]
      const [xor, clear] = compute(value, mask)
      return { name: 'set-xmark', negated, values: [`${hex(xor >>> 0)}/${hex(clear >>> 0)}`] }
    },
  }
}

/** libxt_MARK, revision 2: mark = (mark & ~mask) ^ value. */
export const markTarget: TargetExtension = {
  kind: 'target',
  name: 'MARK',
  summary: 'Sets the netfilter mark of the packet.',
  terminating: false,
  needsOption: true,
  options: {
    'set-xmark': {
      value: SPELLING,
      description: 'Clears the bits of the mask, then XORs the value in.',
      group: 'mark',
    },
    'set-mark': spelling('Clears the bits of the mask, then ORs the value in.', (v, m) => [
      v,
      v | m,
    ]),
    'and-mark': spelling('ANDs the mark with the value.', (v) => [0, ~v]),
    'or-mark': spelling('ORs the value in.', (v) => [v, v]),
    'xor-mark': spelling('XORs the value in.', (v) => [v, 0]),
  },
}
