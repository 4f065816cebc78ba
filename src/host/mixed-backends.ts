import type { Diagnostic } from '../base/diagnostic.ts'
import { stateText } from '../plan/state.ts'
import { type Backend, FAMILIES, type Family } from '../ruleset/model.ts'
import { detectBackend, type HostBackend } from './backend.ts'
import type { Executor } from './executor.ts'
import { readLive } from './live.ts'

/**
 * Warns when the back end that is not in use holds rules too: the kernel runs both, packets have to
 * pass both, and what is planned for the one says nothing of the other.
 */
export async function findMixedBackends(
  executor: Executor,
  backend: HostBackend,
): Promise<readonly Diagnostic[]> {
  const found = await Promise.all(
    FAMILIES.map(async (family): Promise<Diagnostic[]> => {
      const used = backend.families[family]?.dialect.backend
      if (used === undefined) return []
      const other = used === 'nft' ? 'legacy' : 'nft'
      if (!(await holdsRules(executor, other, family))) return []
      return [
        {
          code: 'backend-mixed',
          severity: 'warning',
          message: `the ${other} back end has ${family} rules as well, and packets have to pass both`,
          hint: `look at them with --backend ${other}; to be rid of them, flush them there`,
        },
      ]
    }),
  )
  return found.flat()
}

async function holdsRules(executor: Executor, backend: Backend, family: Family): Promise<boolean> {
  const tools = await detectBackend(executor, backend)
  if (!tools.families[family]) return false
  try {
    const live = await readLive(executor, tools, { families: [family] })
    return live[family] !== undefined && stateText(live[family].ruleset) !== ''
  } catch {
    // Something is there that it can not print.
    return true
  }
}
