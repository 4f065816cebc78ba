import type { TargetExtension } from '../extension.ts'

/** libxt_CT */
export const notrack: TargetExtension = {
  kind: 'target',
  name: 'NOTRACK',
  summary: 'Keeps connection tracking off the packet.',
  terminating: false,
  tables: ['raw'],
  options: {},
  sameAs: { name: 'CT', options: [{ name: 'notrack', negated: false, values: [] }] },
}
