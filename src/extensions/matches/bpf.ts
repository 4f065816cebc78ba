import type { MatchExtension } from '../extension.ts'
import { bytecode } from '../values/bytecode.ts'
import { name } from '../values/name.ts'

/** libxt_bpf, revision 1 */
export const bpf: MatchExtension = {
  kind: 'match',
  name: 'bpf',
  summary: 'Matches what a BPF program says.',
  effect: 'pure',
  needsOption: true,
  options: {
    bytecode: {
      value: bytecode,
      description: 'A classic BPF program, as nfbpf_compile prints it.',
      group: 'program',
    },
    'object-pinned': {
      value: {
        ...name({ what: 'path', max: 511, examples: ['/sys/fs/bpf/my-filter'] }),
        // No such program is there on a host by itself; an empty path is refused.
        sample: () => [''],
      },
      description: 'The path of an eBPF program that is pinned in the BPF file system.',
      group: 'program',
    },
  },
}
