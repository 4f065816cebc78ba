import type { Option } from '../../ruleset/model.ts'
import { type OptionSpec, type Refusal, refuse, type TargetExtension } from '../extension.ts'
import { markOperations } from '../values/bit-operation.ts'
import { hex } from '../values/mark.ts'
import { integer } from '../values/number.ts'
import { flag } from '../values/text.ts'

const FULL = '0xffffffff'
const MASK = integer({ max: 0xffffffff, what: 'mask', print: hex })
const MASKS = ['nfmask', 'ctmask', 'mask']

function copy(description: string): OptionSpec {
  return { value: flag, description, group: 'set' }
}

/** A mask acts on what was written before it; `--set-xmark` overwrites the masks before it. */
function applyMasks(typed: readonly Option[]): Option[] | Refusal {
  const [operation] = typed.filter((o) => !MASKS.includes(o.name))
  const given = new Set(typed.map((o) => o.name))
  if (operation === undefined) {
    return refuse('missing-option', 'CONNMARK needs --set-xmark, --save-mark or --restore-mark')
  }
  if (given.has('mask') && (given.has('nfmask') || given.has('ctmask'))) {
    return refuse('conflicting-options', '--mask excludes --nfmask and --ctmask')
  }
  let [value = '', ctmask = FULL] = (operation.values[0] ?? '').split('/')
  let nfmask = FULL
  const sets = operation.name === 'set-xmark'
  for (const { name, values } of sets ? typed.slice(typed.indexOf(operation)) : typed) {
    if (name === 'nfmask' || name === 'mask') nfmask = values[0] ?? nfmask
    if (name === 'ctmask' || name === 'mask') ctmask = values[0] ?? ctmask
  }
  if (sets) return [{ ...operation, values: [`${value}/${ctmask}`] }]
  return [
    operation,
    { name: 'nfmask', negated: false, values: [nfmask] },
    { name: 'ctmask', negated: false, values: [ctmask] },
  ]
}

/** libxt_CONNMARK, revision 1 */
export const connmarkTarget: TargetExtension = {
  kind: 'target',
  name: 'CONNMARK',
  summary: 'Sets the mark of the connection, or copies it from or to the packet.',
  terminating: false,
  options: {
    ...markOperations('mark'),
    'save-mark': copy('Copies the mark of the packet to the connection.'),
    'restore-mark': copy('Copies the mark of the connection to the packet.'),
    nfmask: { value: MASK, description: 'The bits of the mark of the packet.' },
    ctmask: { value: MASK, description: 'The bits of the mark of the connection.' },
    mask: { value: MASK, description: 'Both masks at once.' },
  },
  normalise: (_options, _context, typed) => applyMasks(typed),
}
