import { type Diagnostic, hasErrors } from '../base/diagnostic.ts'
import { FwctlError } from '../base/error.ts'
import { onEmptyHost } from '../plan/claim.ts'
import { isForeignChain } from '../plan/foreign.ts'
import type { CompiledPolicy } from '../policy/compile.ts'
import { danglingJumps } from '../policy/references.ts'
import { missingSets } from '../policy/set-rules.ts'
import { diagnosticsJson } from '../report/diagnostics.ts'
import { FAMILY_NAMES, plural } from '../report/words.ts'
import type { Ruleset } from '../ruleset/model.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { countFindings, inFileOrder, showFindings } from './findings.ts'
import {
  assumedBackend,
  clock,
  compileInput,
  type PolicyInput,
  readPolicy,
  wantedFamilies,
} from './policy-input.ts'

/** Exit 1 when there is an error; warnings alone are no failure. */
export async function validate(context: Context): Promise<ExitCode> {
  const { options } = context
  const input = await readPolicy(context)
  const compiled = compileInput(input, {
    families: wantedFamilies(input, context),
    backend: assumedBackend(context),
    now: clock(context),
  })
  const foreign = input.policy?.ownership.foreign
  const diagnostics: Diagnostic[] = [
    ...input.diagnostics,
    ...compiled.diagnostics,
    ...danglingJumps(compiled.externalJumps, ({ target }) => isForeignChain(target, foreign)),
    ...missingSets(compiled.externalSets, undefined),
    ...Object.values(compiled.desired).flatMap(
      (desired) => onEmptyHost(desired, input.policy?.ownership).diagnostics,
    ),
  ]
  if (options.kernel && !hasErrors(diagnostics)) await tryKernel(context, compiled)
  if (options.format === 'json') context.print(diagnosticsJson(inFileOrder(diagnostics)))
  else showText(context, { input, compiled, diagnostics })
  return hasErrors(diagnostics) ? EXIT.failed : EXIT.done
}

/** Throws `rehearsal-failed` when the kernel refuses a rule, `missing-program` without iptables. */
async function tryKernel(context: Context, compiled: CompiledPolicy): Promise<void> {
  const [{ openHost }, { rehearseRulesets }, { rehearsalError }, { planSetsEdit }] =
    await Promise.all([
      import('./host-input.ts'),
      import('../host/rehearsal.ts'),
      import('../host/rehearsed.ts'),
      import('../host/sets.ts'),
    ])
  const host = await openHost(context)
  const rehearsal = await rehearseRulesets({
    ...host,
    rulesets: Object.values(compiled.desired),
    sets: planSetsEdit(new Map(), { goals: compiled.sets, removals: [] }),
    externalChains: compiled.externalJumps.map(({ family, table, target }) => ({
      family,
      table,
      chain: target,
    })),
  })
  if (rehearsal.kind === 'failed') throw rehearsalError(rehearsal.problems)
  if (rehearsal.kind === 'passed') return context.note('The kernel takes it.')
  throw new FwctlError(
    'no-permission',
    `The kernel could not be asked. ${rehearsal.reason} Run it as root, or without --kernel.`,
  )
}

function showText(
  context: Context,
  result: {
    readonly input: PolicyInput
    readonly compiled: CompiledPolicy
    readonly diagnostics: readonly Diagnostic[]
  },
): void {
  const { input, compiled, diagnostics } = result
  showFindings(diagnostics, context, input.sources)
  const count = countFindings(diagnostics)
  if (hasErrors(diagnostics)) return context.complain(`fwctl: ${count}.\n`)
  const file = input.policy?.file ?? ''
  const sizes = Object.values(compiled.desired).map(describe).join('; ')
  context.print(`${file} is valid${count === '' ? '' : ` (${count})`}: ${sizes}.\n`)
}

function describe({ family, tables }: Ruleset): string {
  const chains = tables.flatMap((table) => table.chains)
  const rules = chains.reduce((sum, chain) => sum + chain.rules.length, 0)
  const parts = [
    plural(tables.length, 'table'),
    plural(chains.length, 'chain'),
    plural(rules, 'rule'),
  ]
  return `${FAMILY_NAMES[family]} ${parts.join(', ')}`
}
