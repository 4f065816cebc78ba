import type { TargetExtension } from '../extension.ts'

/** libxt_CT; the same as `CT --notrack`, but saved by this name. */
export const notrack: TargetExtension = {
  kind: 'target',
  name: 'NOTRACK',
  summary: 'Keeps connection tracking off the packet.',
  terminating: false,
  tables: ['raw'],
  options: {},
}
