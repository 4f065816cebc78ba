/**
 * What can be done for a commit while its plan is rehearsed: its files are written, but for their names
 * (apply-draft.ts), and the programs have read their batches and wait for the first COMMIT. Nobody sees
 * anything of it, and if nothing comes of the commit, it all goes. What has to be true of the host at the
 * moment of the commit is asked then, as ever: all of this is about texts.
 */
import { setImmediate } from 'node:timers/promises'
import { type Draft, makeDraft } from './apply-draft.ts'
import type { Based } from './apply-request.ts'
import type { FreshSets } from './apply-sets.ts'
import { beginEdit } from './commit.ts'
import type { Edit } from './edit.ts'
import { usesSets } from './ipsets.ts'
import type { NativeLook } from './preflight.ts'
import type { BegunRestore } from './restore.ts'

export interface Ahead {
  /** To be called first of all: a program takes as long to read thousands of rules as to rehearse them. */
  beginLarge(): Promise<void>
  /** To be called when there is nothing else to do but wait. */
  begin(): void
  /** The draft that was begun, if it is still about the same; else a new one. */
  draft(based: Based, sets: FreshSets): Promise<Draft>
  /** Those that wait. */
  readonly restores: Map<Edit, BegunRestore>
  /** The journal speaks of the record, which is nobody else's to remove from now on. */
  hold(draft: Draft): void
  /** Nothing is left that was not used. */
  end(): Promise<void>
}

export function workAhead(
  based: Based,
  sets: FreshSets,
  lookForNativeRules: () => Promise<NativeLook>,
): Ahead {
  const drafts: Promise<Draft>[] = []
  const held = new Set<Draft>()
  const restores = new Map<Edit, BegunRestore>()
  let begun: Promise<Draft> | undefined
  let hasBegun = false
  let hasEnded = false
  const newDraft = (...about: Parameters<typeof makeDraft>): Promise<Draft> => {
    const draft = makeDraft(...about)
    drafts.push(draft)
    return draft
  }
  const beginRestores = (edits: readonly Edit[]): void => {
    for (const edit of edits) {
      if (canWait(edit)) restores.set(edit, beginEdit(based.request, edit))
    }
  }
  const large = based.edits.filter(({ guarded }) => guarded.text.length > LARGE)
  return {
    restores,
    beginLarge: async () => {
      if (large.length === 0) return
      beginRestores(large)
      // By then they have been started.
      await setImmediate()
    },
    begin: () => {
      if (hasEnded || hasBegun) return
      hasBegun = true
      beginRestores(based.edits.filter((edit) => !large.includes(edit)))
      // What sets hold is looked at once more before the commit.
      if (based.request.plan.sets === undefined) begun = newDraft(based, sets, lookForNativeRules())
      // Whoever asks for it sees what is wrong with it.
      begun?.catch(() => undefined)
    },
    draft: (now, fresh) => {
      const isSame = now.live === based.live && now.edits === based.edits
      if (!isSame) return newDraft(now, fresh)
      return begun ?? newDraft(now, fresh, lookForNativeRules())
    },
    hold: (draft) => held.add(draft),
    end: async () => {
      hasEnded = true
      for (const restore of restores.values()) await restore.abandon()
      for (const draft of await Promise.allSettled(drafts)) {
        if (draft.status !== 'fulfilled' || held.has(draft.value)) continue
        for (const one of Object.values(draft.value.staged)) await one?.discard()
      }
    },
  }
}

/** Characters of a batch: some hundred rules. */
const LARGE = 64 * 1024

/**
 * On legacy the program works on the table as it is from the beginning, and sets are looked up by name
 * when a rule is read: that has to be as late as it can be.
 */
function canWait({ tools, guarded }: Edit): boolean {
  return tools.dialect.backend === 'nft' && !usesSets(guarded.text)
}
