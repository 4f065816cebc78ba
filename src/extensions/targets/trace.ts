import type { TargetExtension } from '../extension.ts'

/** libxt_TRACE. nft makes it "meta nftrace set 1", which is valid everywhere. */
export const trace: TargetExtension = {
  kind: 'target',
  name: 'TRACE',
  summary: 'Makes the kernel report every rule that matches the packet from here on.',
  terminating: false,
  legacyTables: ['raw'],
  options: {},
}
