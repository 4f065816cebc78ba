/**
 * Why iptables refused: one word for what versions, back ends and families say in different ways.
 * What the program wrote is in `details.stderr` of the error.
 */
import { FwctlError } from '../../base/error.ts'
import type { Result } from '../executor.ts'

/** `details.reason` of the errors of `IPTables`. */
export type Reason =
  | 'chain-not-found'
  | 'rule-not-found'
  /** The rule jumps to a chain or a target that is not there. */
  | 'target-not-found'
  /** The rule uses a match that is not there. */
  | 'match-not-found'
  /** The rule uses an ipset that is not there. */
  | 'set-not-found'
  | 'table-not-found'
  | 'chain-exists'
  | 'chain-not-empty'
  /** A rule jumps to the chain. */
  | 'chain-in-use'
  /** A built-in chain can not be renamed or deleted. */
  | 'builtin-chain'
  /** Only built-in chains have a policy. */
  | 'not-builtin-chain'
  | 'invalid-chain-name'
  | 'invalid-policy'
  | 'invalid-rule'
  | 'index-out-of-range'
  /** The table holds native nft rules that iptables can not show. */
  | 'incompatible-table'
  /** The rule is well-formed, but can not be where it was put: wrong hook or table, or a loop. */
  | 'refused-by-kernel'
  | 'lock-busy'
  | 'permission'
  | 'timeout'
  | 'cancelled'
  /** The program is not there, or is no iptables. */
  | 'missing-program'
  | 'unknown'

interface Pattern {
  readonly reason: Reason
  readonly said: RegExp
}

/** The first one that fits wins: some texts hold others. */
const PATTERNS: readonly Pattern[] = [
  { reason: 'lock-busy', said: /holding the xtables lock|xtables lock is held/i },
  { reason: 'permission', said: /you must be root|permission denied|operation not permitted/i },
  {
    reason: 'table-not-found',
    said: /table does not exist|table '[^']*' (does not exist|invalid)/i,
  },
  { reason: 'table-not-found', said: /unable to initialize table/i },
  { reason: 'incompatible-table', said: /(?<!in )table `[^']*' is incompatible/i },
  { reason: 'incompatible-table', said: /Parsing nftables rule failed/i },
  // That is how nft says that it has no such chain; see `chainIncompatible`.
  { reason: 'chain-not-found', said: /chain `[^']*' in table `[^']*' is incompatible/i },
  // Before "No such file or directory" and "Too many links", which may follow in brackets.
  {
    reason: 'chain-not-empty',
    said: /CHAIN_DEL failed|CHAIN_USER_DEL failed|directory not empty/i,
  },
  // Of a rule that the same batch has flushed.
  { reason: 'rule-not-found', said: /RULE_DEL\w* failed \(No such file or directory\)/ },
  { reason: 'refused-by-kernel', said: /RULE_\w+ failed/ },
  { reason: 'chain-exists', said: /chain already exists|file exists/i },
  { reason: 'rule-not-found', said: /does a matching rule exist in that chain/i },
  { reason: 'chain-not-found', said: /no chain\/target\/match by that name/i },
  { reason: 'index-out-of-range', said: /index of \w+ too big|invalid rule number/i },
  { reason: 'invalid-policy', said: /bad policy name/i },
  { reason: 'not-builtin-chain', said: /bad built-in chain name/i },
  { reason: 'match-not-found', said: /couldn't (load|find) match/i },
  { reason: 'set-not-found', said: /set \S+ doesn't exist/i },
  {
    reason: 'target-not-found',
    said: /chain '[^']*' does not exist|couldn't (load|find) target|is not a chain/i,
  },
  { reason: 'invalid-chain-name', said: /chain name/i },
  { reason: 'chain-in-use', said: /too many links/i },
  {
    reason: 'refused-by-kernel',
    said: /invalid argument|too many levels|operation not supported/i,
  },
]

/** Exit status 2 is a mistake in the words, 4 a resource problem or, on nft, the kernel's no. */
export function reasonOf({ status, stderr }: Pick<Result, 'status' | 'stderr'>): Reason {
  const known = PATTERNS.find(({ said }) => said.test(stderr))
  if (known) return known.reason
  return status === 2 ? 'invalid-rule' : 'unknown'
}

/** Why a call of `IPTables` failed; undefined for any other error. */
export function iptablesReason(error: unknown): Reason | undefined {
  if (!(error instanceof FwctlError)) return undefined
  return error.details.reason as Reason | undefined
}

const NOT_EXIST: readonly (Reason | undefined)[] = [
  'chain-not-found',
  'rule-not-found',
  'target-not-found',
  'match-not-found',
  'set-not-found',
  'table-not-found',
]

/** Whether a call failed because what it is about is not there: a chain, a rule, a table. */
export function isNotExist(error: unknown): boolean {
  return NOT_EXIST.includes(iptablesReason(error))
}
