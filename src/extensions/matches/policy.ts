import type { Option } from '../../ruleset/model.ts'
import { type MatchExtension, type OptionSpec, type Refusal, refuse } from '../extension.ts'
import { choice } from '../values/choice.ts'
import { foldHostBits, hostMask } from '../values/host.ts'
import { hex } from '../values/mark.ts'
import { integer } from '../values/number.ts'
import { flag } from '../values/text.ts'

/** What describes one element, in the order of a save. */
const ELEMENT = ['reqid', 'spi', 'proto', 'mode', 'tunnel-dst', 'tunnel-src']
/** XT_POLICY_MAX_ELEM */
const MAX_ELEMENTS = 4

function part(value: OptionSpec['value'], description: string): OptionSpec {
  return { value, description, negatable: true, repeatable: true }
}

/** libxt_policy. The options of an element follow each other, `--next` begins another one. */
export const policy: MatchExtension = {
  kind: 'match',
  name: 'policy',
  summary: 'Matches the IPsec policy that applies to the packet.',
  effect: 'pure',
  ordered: true,
  options: {
    dir: {
      value: choice({ what: 'direction', values: { in: 'in', out: 'out' }, caseSensitive: true }),
      description: 'The policy used for decapsulation (in) or to be used for encapsulation (out).',
      required: true,
    },
    pol: {
      value: choice({
        what: 'policy',
        values: { none: 'none', ipsec: 'ipsec' },
        caseSensitive: true,
      }),
      description: 'Whether the packet is subject to IPsec processing.',
      preset: 'ipsec',
    },
    strict: {
      value: flag,
      description: 'The elements given are all there are, in this order; else any one may fit.',
    },
    reqid: part(integer({ max: 0xffffffff, what: 'reqid' }), 'The reqid of the policy.'),
    spi: part(integer({ max: 0xffffffff, print: hex, what: 'SPI' }), 'The SPI of the SA.'),
    proto: part(
      choice({
        what: 'protocol',
        values: { ah: 'ah', esp: 'esp', ipcomp: 'ipcomp', 51: 'ah', 50: 'esp', 108: 'ipcomp' },
        caseSensitive: true,
      }),
      'The encapsulation protocol.',
    ),
    mode: part(
      choice({
        what: 'mode',
        values: { transport: 'transport', tunnel: 'tunnel' },
        caseSensitive: true,
      }),
      'The encapsulation mode.',
    ),
    'tunnel-dst': {
      ...part(hostMask, 'The destination of a tunnel; needs --mode tunnel.'),
      fold: foldHostBits,
    },
    'tunnel-src': {
      ...part(hostMask, 'The source of a tunnel; needs --mode tunnel.'),
      fold: foldHostBits,
    },
    next: {
      value: flag,
      description: 'Begins the next element.',
      needs: ['strict'],
      repeatable: true,
    },
  },
  normalise: (options, context, typed) => {
    const head = options.filter(({ name }) => !ELEMENT.includes(name) && name !== 'next')
    const elements = splitElements(typed)
    const strict = head.some((o) => o.name === 'strict')
    if (head.some((o) => o.name === 'pol' && o.values[0] === 'none')) {
      if (strict) return refuse('conflicting-options', '--strict excludes --pol none')
      if (elements.some((element) => element.length > 0)) {
        const message = 'with --pol none the other options have no effect, and are not saved'
        context.caution(refuse('changes-meaning', message, 'remove them'))
      }
      return head
    }
    return checkElements(elements, strict) ?? [...head, ...joinElements(elements)]
  },
  // xt_policy: there is no policy yet, or none any more, to look at.
  hooksFor: (options) =>
    options.some((o) => o.name === 'dir' && o.values[0] === 'in')
      ? ['PREROUTING', 'INPUT', 'FORWARD']
      : ['FORWARD', 'OUTPUT', 'POSTROUTING'],
}

type Element = readonly Option[]

function splitElements(typed: readonly Option[]): readonly Element[] {
  const elements: Option[][] = [[]]
  for (const option of typed) {
    if (option.name === 'next') elements.push([])
    else if (ELEMENT.includes(option.name)) elements.at(-1)?.push(option)
  }
  return elements.map((element) =>
    element.sort((a, b) => ELEMENT.indexOf(a.name) - ELEMENT.indexOf(b.name)),
  )
}

function joinElements(elements: readonly Element[]): readonly Option[] {
  const next = { name: 'next', negated: false, values: [] }
  return elements.flatMap((element, i) => (i === 0 ? element : [next, ...element]))
}

function checkElements(elements: readonly Element[], strict: boolean): Refusal | undefined {
  if (elements.length > MAX_ELEMENTS) {
    return refuse('invalid-value', `at most ${MAX_ELEMENTS} policy elements fit`)
  }
  for (const [i, element] of elements.entries()) {
    const double = element.find((o, at) => element[at - 1]?.name === o.name)
    if (double !== undefined) {
      const message = `--${double.name} is given twice for policy element ${i + 1}`
      return refuse('conflicting-options', message, 'begin another element with --next')
    }
    if (strict && element.length === 0) {
      return refuse('missing-option', `policy element ${i + 1} is empty, --strict needs some`)
    }
    const mode = element.find((o) => o.name === 'mode')
    const tunnel = mode !== undefined && (mode.values[0] === 'tunnel') !== mode.negated
    if (!tunnel && element.some((o) => o.name.startsWith('tunnel-'))) {
      return refuse('missing-option', '--tunnel-src and --tunnel-dst need --mode tunnel')
    }
  }
  return undefined
}
