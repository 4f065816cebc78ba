import type { Option } from '../../ruleset/model.ts'
import { type MatchExtension, type OptionSpec, refuse, type ValueContext } from '../extension.ts'
import { foldHostBits, hostMask } from '../values/host.ts'
import { integer } from '../values/number.ts'

function byte(description: string): OptionSpec {
  return { value: integer({ max: 255, what: 'number' }), description, negatable: true }
}

/** A prefix length is always saved. */
function segment(description: string): OptionSpec {
  return {
    value: {
      ...hostMask,
      name: 'segment',
      print: (values) => values.map((v) => (v.includes('/') ? v : `${v}/128`)),
    },
    description,
    negatable: true,
    fold: foldHostBits,
  }
}

/** Of these, the kernel keeps one number for the tests that begin alike. */
const SHARED = ['srh-hdr-len-', 'srh-segs-left-', 'srh-last-entry-']

/** libip6t_srh, revision 1; without options it matches every packet that has a segment list. */
export const srh: MatchExtension = {
  kind: 'match',
  name: 'srh',
  summary: 'Matches the segment routing header of IPv6.',
  families: ['ipv6'],
  effect: 'pure',
  options: {
    'srh-next-hdr': byte('The next header.'),
    'srh-hdr-len-eq': byte('The length of the header is this.'),
    'srh-hdr-len-gt': byte('The length of the header is over this.'),
    'srh-hdr-len-lt': byte('The length of the header is under this.'),
    'srh-segs-left-eq': byte('The segments left are this many.'),
    'srh-segs-left-gt': byte('The segments left are more than this.'),
    'srh-segs-left-lt': byte('The segments left are fewer than this.'),
    'srh-last-entry-eq': byte('The last entry is this.'),
    'srh-last-entry-gt': byte('The last entry is over this.'),
    'srh-last-entry-lt': byte('The last entry is under this.'),
    'srh-tag': {
      value: integer({ max: 65535, what: 'tag' }),
      description: 'The tag.',
      negatable: true,
    },
    'srh-psid': segment('The previous segment.'),
    'srh-nsid': segment('The next segment.'),
    'srh-lsid': segment('The last segment.'),
  },
  normalise: (options, context, typed) => SHARED.reduce(shareNumber(context, typed), options),
}

/** The number that was typed last counts for all tests of the same field. */
function shareNumber(
  { caution }: ValueContext,
  typed: readonly Option[],
): (options: readonly Option[], prefix: string) => readonly Option[] {
  return (options, prefix) => {
    const values = typed.filter((o) => o.name.startsWith(prefix)).map((o) => o.values)
    const last = values.at(-1)
    if (last === undefined || values.every(([value]) => value === last[0])) return options
    const message = `--${prefix}eq, -gt and -lt share one number: iptables keeps only ${last[0]}`
    caution(refuse('changes-meaning', message, 'use two matches'))
    return options.map((o) => (o.name.startsWith(prefix) ? { ...o, values: last } : o))
  }
}
