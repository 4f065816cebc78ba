/** The chains that a program has changed, listed by that same program before it ends. */
import { sameButForOthers } from '../plan/touched.ts'
import { type ChainListing, chainListing } from './chain-read.ts'
import { type Edit, type Host, liveOf } from './edit.ts'
import { readLive } from './live.ts'
import type { RestoreRefusal } from './restore.ts'

/** Undefined: they are looked at by others, or can not be told by a listing. */
export function listingOf({ target, touched }: Edit): ChainListing | undefined {
  const listing = chainListing(target, touched)
  return listing?.isLong ? undefined : listing
}

/** Whether the listing shows the target, and what was printed before it. */
export function readListing(
  edit: Edit,
  stdout: string,
): { readonly isSeen: boolean; readonly before: string } {
  return listingOf(edit)?.readEnd(stdout) ?? { isSeen: false, before: stdout }
}

/** Whether the host holds the target, and it was the listing behind the batch that the program failed at. */
export async function isMade(
  { executor, backend, names }: Host,
  edit: Edit,
  { lines }: RestoreRefusal,
): Promise<boolean> {
  const isOfBatch = lines.some((line) => line <= edit.guarded.lines.length)
  if (isOfBatch || listingOf(edit) === undefined) return false
  const options = { families: [edit.family], ...(names ? { names } : {}) }
  const live = await readLive(executor, backend, options).catch(() => undefined)
  return live !== undefined && sameButForOthers(liveOf(live, edit.family), edit.target, edit)
}
