import type { TableName } from './model.ts'

export type Hook = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING'

/** The built-in chains of each table, in the order in which iptables-save prints them. */
export const BUILTIN_CHAINS: Readonly<Record<TableName, readonly Hook[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  raw: ['PREROUTING', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
}

/** Also answers for a table that does not exist: it has no built-in chains. */
export function isBuiltinChain(table: TableName, chain: string): chain is Hook {
  const chains: readonly string[] | undefined = BUILTIN_CHAINS[table]
  return chains?.includes(chain) ?? false
}

/** Verdicts that are not extensions: they take no options and name no chain. */
export const VERDICTS: readonly string[] = ['ACCEPT', 'DROP', 'RETURN', 'QUEUE']

/** Of these, what iptables-nft can not load: the kernel's old queue handler. */
export const LEGACY_VERDICTS: readonly string[] = ['QUEUE']

/** The longest name of a user-defined chain, in bytes (XT_EXTENSION_MAXNAMELEN - 1). */
export const CHAIN_NAME_BYTES = 28

/** The chain of ours that stands for a built-in chain where built-in chains are left to others. */
export function hookChainName(hook: Hook): string {
  return `FWCTL-${hook}`
}

/** Where the rules of a hook chain are kept when one of them may leave it before its end. */
export function hookBodyName(hook: Hook): string {
  return `FWCTL-${hook}-RULES`
}
