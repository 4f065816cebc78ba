import { setBatch } from '../ipset/batch.ts'
import { diffSets } from '../ipset/diff.ts'
import { printSave } from '../iptables/save.ts'
import { onEmptyHost } from '../plan/claim.ts'
import { isForeignChain } from '../plan/foreign.ts'
import { builtinChains } from '../plan/state.ts'
import { danglingJumps } from '../policy/references.ts'
import { missingSets } from '../policy/set-rules.ts'
import { isBuiltinChain } from '../ruleset/hooks.ts'
import { FAMILIES, type Family, type Ruleset } from '../ruleset/model.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { writeResult } from './files.ts'
import { refuseErrors, showFindings } from './findings.ts'
import { assumedBackend, clock, compileInput, readPolicy, wantedFamilies } from './policy-input.ts'

const PROGRAMS: Readonly<Record<Family, string>> = {
  ipv4: 'iptables-restore',
  ipv6: 'ip6tables-restore',
}

export async function render(context: Context): Promise<ExitCode> {
  const input = await readPolicy(context)
  const families = wantedFamilies(input, context)
  const compiled = compileInput(input, {
    families,
    backend: assumedBackend(context),
    now: clock(context),
  })
  const foreign = input.policy?.ownership.foreign
  const diagnostics = [
    ...input.diagnostics,
    ...compiled.diagnostics,
    ...danglingJumps(compiled.externalJumps, ({ target }) => isForeignChain(target, foreign)),
    ...missingSets(compiled.externalSets, undefined),
  ]
  const declared = Object.values(compiled.desired).map((desired) =>
    onEmptyHost(desired, input.policy?.ownership),
  )
  diagnostics.push(...declared.flatMap((claimed) => claimed.diagnostics))
  refuseErrors(diagnostics, input.sources)
  showFindings(diagnostics, context, input.sources)
  if (context.options.sets) {
    const { before } = setBatch(diffSets(new Map(), compiled.sets))
    await writeResult(before, context.options.out, context)
    return EXIT.done
  }
  const texts = FAMILIES.flatMap((family) => {
    const target = declared.find((claimed) => claimed.target.family === family)?.target
    if (target === undefined) return []
    const head = families.length > 1 ? `# ${family}, for ${PROGRAMS[family]}\n` : ''
    return [head + printSave(complete(target))]
  })
  await writeResult(texts.join('\n'), context.options.out, context)
  return EXIT.done
}

/**
 * With every built-in chain and its policy: a full restore on nft sets the policy of a built-in
 * chain that is not listed to ACCEPT, on legacy it keeps it. Written down, both do the same.
 */
function complete(desired: Ruleset): Ruleset {
  const counters = { packets: 0n, bytes: 0n }
  return {
    ...desired,
    tables: desired.tables.map((table) => ({
      ...table,
      chains: [
        ...builtinChains(table, table.name),
        ...table.chains.filter((chain) => !isBuiltinChain(table.name, chain.name)),
      ].map((chain) => ({ ...chain, counters })),
    })),
  }
}
