import { refuse, type ValueType } from '../extension.ts'

/** XT_BPF_MAX_NUM_INSTR */
const MAX_INSTRUCTIONS = 64

const LIMITS = [65535, 255, 255, 4294967295]

/** A classic BPF program as nfbpf_compile and `tcpdump -ddd` write it, in decimal. */
export const bytecode: ValueType = {
  name: 'bytecode',
  words: 1,
  parse: ([word = '']) => {
    const wrong = (why: string): ReturnType<typeof refuse> =>
      refuse('invalid-value', `not a BPF program: ${why}`, 'write COUNT,CODE JT JF K,…')
    const [count = '', ...lines] = word.trim().replace(/,\s*$/, '').split(',')
    const length = /^\s*[0-9]+$/.test(count) ? Number(count) : 0
    if (length === 0 || length > MAX_INSTRUCTIONS) {
      return wrong(`it must begin with a number of instructions up to ${MAX_INSTRUCTIONS}`)
    }
    if (lines.length !== length) return wrong(`${lines.length} instructions, not ${length}`)
    const instructions = lines.map((line) => line.trim().split(/\s+/))
    const bad = instructions.find(
      (parts) => parts.length !== 4 || parts.some((p, i) => !isUpTo(p, LIMITS[i] as number)),
    )
    if (bad !== undefined) return wrong(`"${bad.join(' ')}" is not an instruction`)
    const last = Number(instructions.at(-1)?.[0])
    // The kernel takes a program only if it ends with RET K or RET A.
    if (last !== 0x06 && last !== 0x16) return wrong('the last instruction must return')
    return [[length, ...instructions.map((parts) => parts.map(Number).join(' '))].join(',')]
  },
  quote: 'always',
  schema: { type: 'string' },
  description: 'a BPF program: the number of instructions, then CODE JT JF K of each',
  examples: ['4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0'],
  sample: (random) => {
    const programs = [
      '4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0',
      '4,48 0 0 9,21 0 1 06,6 0 0 1,6 0 0 0,',
      '1,6 0 0 65535',
      '2, 40 0 0 12 , 6 0 0 4294967295',
      `1,6 0 0 ${random(0x7fffffff)}`,
    ]
    return [programs[random(programs.length)] as string]
  },
}

function isUpTo(part: string, max: number): boolean {
  return /^[0-9]+$/.test(part) && Number(part) <= max
}
