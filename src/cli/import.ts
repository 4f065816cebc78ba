import { FwctlError } from '../base/error.ts'
import { type Live, readLive } from '../host/live.ts'
import { diskFiles } from '../policy/files.ts'
import { importPolicy } from '../policy/import.ts'
import { loadPolicy } from '../policy/load.ts'
import { FAMILIES, type Family, type Ruleset } from '../ruleset/model.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { writeResult } from './files.ts'
import { showFindings } from './findings.ts'
import { type HostInput, isOffline, openHost, readDumps } from './host-input.ts'
import { setsFromFile, setsOfRules } from './sets-input.ts'

/** Planning the result against the same live rules comes to no change. */
export async function importRules(context: Context): Promise<ExitCode> {
  const { family } = context.options
  const wanted = FAMILIES.filter((one) => family === undefined || one === family)
  const host = isOffline(context) ? undefined : await openHost(context)
  const live = host ? await readHost(wanted, host) : await readDumps(wanted, context)
  showFindings(
    Object.values(live).flatMap((one) => one.diagnostics),
    context,
  )
  const rulesets: Partial<Record<Family, Ruleset>> = {}
  for (const one of wanted) {
    const found = live[one]
    if (found !== undefined) rulesets[one] = found.ruleset
  }
  if (Object.keys(rulesets).length === 0) {
    throw new FwctlError('usage', `No live rules were given for ${wanted.join(' and ')}.`)
  }
  const used = Object.values(rulesets)
  const sets = host ? await setsOfRules(used, host) : await setsFromFile('all', context)
  const policy = importPolicy(rulesets, { ...(sets && { sets }) })
  await writeResult(policy, context.options.out, context)
  noteRefusals(policy, context)
  return EXIT.done
}

/** A host without ip6tables is imported as it is: for IPv4. */
async function readHost(wanted: readonly Family[], host: HostInput): Promise<Live> {
  const there = wanted.filter((family) => host.backend.families[family] !== undefined)
  const families = there.length > 0 ? there : wanted
  return readLive(host.executor, host.backend, { families, names: host.names })
}

/** A live rule may hold what a policy may not, such as a line break: better said now than by plan. */
function noteRefusals(text: string, context: Context): void {
  const file = context.options.out ?? 'imported'
  const files = { ...diskFiles, read: () => ({ text }), realPath: (path: string) => path }
  const { diagnostics } = loadPolicy(file, { files })
  const errors = diagnostics.filter(({ severity }) => severity === 'error')
  const sources = new Map([[file, text]])
  showFindings(
    errors.map((one) => ({ ...one, severity: 'warning' as const })),
    context,
    sources,
  )
}
