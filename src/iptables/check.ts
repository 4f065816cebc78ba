/**
 * What only the ruleset as a whole shows: names, jumps, loops, and whether each extension may be
 * where it stands. The kernel judges by the built-in chains from which a rule can be reached; so
 * does this.
 */
import type { DiagnosticCode, Severity } from '../base/diagnostic.ts'
import { findMatch, findTarget } from '../extensions/catalogue.ts'
import { type Extension, type Refusal, refuse } from '../extensions/extension.ts'
import { utf8Length } from '../extensions/values/text.ts'
import { CHAIN_NAME_BYTES, type Hook, isBuiltinChain, VERDICTS } from '../ruleset/hooks.ts'
import {
  type Backend,
  type Chain,
  FAMILIES,
  type Family,
  type Option,
  type RuleSpec,
  type Ruleset,
  type Table,
  type TableName,
} from '../ruleset/model.ts'
import { outlineOf } from '../ruleset/outline.ts'

/** A finding about a chain, or about one of its rules. */
export interface RulesetProblem {
  readonly table: string
  readonly chain: string
  /** Counts from 0; absent when it is about the chain. */
  readonly rule?: number
  readonly code: DiagnosticCode
  readonly severity: Severity
  readonly message: string
  readonly hint?: string
}

/**
 * Everything that is wrong with the ruleset. A clean one loads, as far as fwctl can tell. nft takes
 * a little more than legacy does; when it is not said which one is meant, that is no problem.
 */
export function checkRuleset(
  ruleset: Ruleset,
  backend: Backend = 'nft',
): readonly RulesetProblem[] {
  return ruleset.tables.flatMap((table) => checkTable(table, ruleset.family, backend))
}

function checkTable(table: Table, family: Family, backend: Backend): RulesetProblem[] {
  const problems: RulesetProblem[] = []
  const chains = new Map(table.chains.map((chain) => [chain.name, chain]))
  const hooks = reachingHooks(table, chains)
  const fineThere = startFine()
  for (const chain of table.chains) {
    const report = (refusal: Refusal, rule?: number, severity: Severity = 'error'): void => {
      const at = rule === undefined ? {} : { rule }
      problems.push({ table: table.name, chain: chain.name, ...at, severity, ...refusal })
    }
    const name = chainNameProblem(chain.name, table)
    if (name) report(name)
    const place = {
      table,
      chain,
      chains,
      family,
      backend,
      hooks: hooks.get(chain.name) ?? new Set<Hook>(),
    }
    const fine = fineThere(place)
    for (const [i, rule] of chain.rules.entries()) {
      const spec = outlineOf(rule)
      if (fine.has(spec)) continue
      const refusals = ruleProblems(spec, place)
      const unknown = unknownExtensions(spec, family)
      for (const refusal of refusals) report(refusal, i)
      for (const refusal of unknown) report(refusal, i, 'warning')
      if (refusals.length + unknown.length === 0) fine.add(spec)
    }
  }
  return [...problems, ...findLoops(table, chains)]
}

/** Why iptables would not create a chain of this name; undefined for built-in and good names. */
export function chainNameProblem(name: string, table: Table): Refusal | undefined {
  if (isBuiltinChain(table.name, name)) return undefined
  if (name === '') return refuse('chain-name', 'a chain needs a name')
  if (utf8Length(name) > CHAIN_NAME_BYTES) {
    const message = `chain name "${name}" has ${utf8Length(name)} bytes, at most ${CHAIN_NAME_BYTES} fit`
    return refuse('chain-name', message, 'shorten it')
  }
  if (/^[-!]/.test(name)) {
    return refuse(
      'chain-name',
      `chain name "${name}" begins with "${name[0]}"`,
      'begin with a letter',
    )
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  if (/[\s"'\\\u0000-\u001f\u007f]/.test(name)) {
    return refuse(
      'chain-name',
      `chain name ${JSON.stringify(name)} has a blank, a quote or a control character`,
    )
  }
  const taken = [...VERDICTS, 'CONTINUE'].includes(name) || isTarget(name)
  if (taken) return refuse('chain-name', `"${name}" is the name of a target`, 'choose another name')
  return undefined
}

function isTarget(name: string): boolean {
  return FAMILIES.some((family) => findTarget(name, family) !== undefined)
}

interface Place {
  readonly table: Table
  readonly chain: Chain
  readonly chains: ReadonlyMap<string, Chain>
  readonly family: Family
  readonly backend: Backend
  /** The built-in chains from which the rule can be reached. */
  readonly hooks: ReadonlySet<Hook>
}

/** What is fine in one place, of rules that have their outline in common, is so in each like it. */
function startFine(): (place: Place) => Set<RuleSpec> {
  const byPlace = new Map<string, Set<RuleSpec>>()
  return ({ table, chain, hooks }) => {
    // No chain but a built-in one has its name looked at.
    const name = isBuiltinChain(table.name, chain.name) ? chain.name : ''
    const about = `${name} ${[...hooks].join()}`
    const fine = byPlace.get(about) ?? new Set()
    byPlace.set(about, fine)
    return fine
  }
}

function ruleProblems(spec: RuleSpec, place: Place): Refusal[] {
  const { chain, family } = place
  const problems: (Refusal | undefined)[] = [
    interfaceProblem(spec.outInterface, '-o', chain.name, ['INPUT', 'PREROUTING']),
    interfaceProblem(spec.inInterface, '-i', chain.name, ['OUTPUT', 'POSTROUTING']),
    jumpProblem(spec.target, place),
    ...spec.matches.flatMap((m) =>
      m.opaque ? [] : extensionProblems(findMatch(m.module, family), m.options, place),
    ),
  ]
  if (spec.target && !spec.target.opaque) {
    const { name, options } = spec.target
    problems.push(...extensionProblems(findTarget(name, family), options, place))
  }
  return problems.filter((p) => p !== undefined)
}

function interfaceProblem(
  given: unknown,
  option: string,
  chain: string,
  without: readonly string[],
): Refusal | undefined {
  if (given === undefined || !without.includes(chain)) return undefined
  return refuse(
    'wrong-hook',
    `${option} can not be used in ${chain}: the packet has no such interface there`,
  )
}

function jumpProblem(target: RuleSpec['target'], place: Place): Refusal | undefined {
  if (target === undefined) return undefined
  const { name, verb, opaque } = target
  const { table, chains, family } = place
  if (verb === 'jump' && name === 'DROP' && table.name === 'nat') {
    return refuse(
      'wrong-table',
      'DROP can not be used in nat',
      'drop in filter, or in raw PREROUTING',
    )
  }
  if (verb === 'jump' && (VERDICTS.includes(name) || findTarget(name, family))) return undefined
  if (isBuiltinChain(table.name, name)) {
    return refuse('jump-to-builtin', `a rule can not jump to the built-in chain ${name}`)
  }
  if (verb === 'goto' && (VERDICTS.includes(name) || isTarget(name))) {
    return refuse(
      'dangling-jump',
      `goto needs a chain, and ${name} is a target`,
      `write "jump: ${name}"`,
    )
  }
  if (chains.has(name)) {
    return opaque && refuse('unknown-option', `chain ${name} takes no options: ${opaque.join(' ')}`)
  }
  if (isTarget(name)) return refuse('wrong-family', `target ${name} is not there for ${family}`)
  if (opaque) return undefined
  return refuse('dangling-jump', `chain ${name} is not in table ${table.name}`)
}

function extensionProblems(
  extension: Extension | undefined,
  options: readonly Option[],
  { table, hooks, backend }: Place,
): (Refusal | undefined)[] {
  if (extension === undefined) return []
  const { name, tables, legacyTables } = extension
  const allowed = extension.hooksFor?.(options) ?? extension.hooks
  const place = { table, hooks }
  const inTables = (backend === 'legacy' ? legacyTables : undefined) ?? tables
  return [
    placeProblem(name, { tables: inTables, hooks: allowed }, place),
    ...options.map((option) =>
      placeProblem(`${name} --${option.name}`, extension.options[option.name] ?? {}, place),
    ),
  ]
}

interface Allowed {
  readonly tables?: readonly TableName[] | undefined
  readonly hooks?: readonly Hook[] | undefined
}

function placeProblem(
  what: string,
  allowed: Allowed,
  { table, hooks }: Pick<Place, 'table' | 'hooks'>,
): Refusal | undefined {
  if (allowed.tables && !allowed.tables.includes(table.name)) {
    return refuse(
      'wrong-table',
      `${what} can not be used in ${table.name}`,
      `it belongs in ${allowed.tables.join(' or ')}`,
    )
  }
  const wrong = allowed.hooks && [...hooks].find((hook) => !allowed.hooks?.includes(hook))
  if (wrong === undefined) return undefined
  return refuse(
    'wrong-hook',
    `${what} can not be used in ${wrong}`,
    `only in ${allowed.hooks?.join(', ')}`,
  )
}

function unknownExtensions(spec: RuleSpec, family: Family): Refusal[] {
  return spec.matches
    .filter((m) => m.opaque && m.module !== '' && findMatch(m.module, family) === undefined)
    .map((m) => {
      const other = FAMILIES.some((f) => findMatch(m.module, f))
      const message = other
        ? `match ${m.module} is not there for ${family}`
        : `unknown match ${m.module}`
      return refuse('unknown-extension', message, 'its options are passed on word for word')
    })
}

/** For each chain, the built-in chains it can be reached from. */
function reachingHooks(table: Table, chains: ReadonlyMap<string, Chain>): Map<string, Set<Hook>> {
  const hooks = new Map<string, Set<Hook>>()
  for (const start of table.chains) {
    if (!isBuiltinChain(table.name, start.name)) continue
    const queue: Chain[] = [start]
    const seen = new Set<string>()
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      if (seen.has(chain.name)) continue
      seen.add(chain.name)
      hooks.set(chain.name, (hooks.get(chain.name) ?? new Set()).add(start.name as Hook))
      queue.push(...jumps(chain, chains).map(({ to }) => to))
    }
  }
  return hooks
}

interface Jump {
  readonly rule: number
  readonly to: Chain
}

function jumps(chain: Chain, chains: ReadonlyMap<string, Chain>): Jump[] {
  const found: Jump[] = []
  for (const [i, rule] of chain.rules.entries()) {
    const { target } = outlineOf(rule)
    const to = target && chains.get(target.name)
    if (to !== undefined) found.push({ rule: i, to })
  }
  return found
}

/** One finding for each jump that closes a loop. */
function findLoops(table: Table, chains: ReadonlyMap<string, Chain>): RulesetProblem[] {
  const problems: RulesetProblem[] = []
  const done = new Set<string>()
  const walk = (chain: Chain, path: readonly string[]): void => {
    if (done.has(chain.name)) return
    const through = [...path, chain.name]
    for (const { rule, to } of jumps(chain, chains)) {
      const at = through.indexOf(to.name)
      if (at < 0) walk(to, through)
      else {
        problems.push({
          table: table.name,
          chain: chain.name,
          rule,
          severity: 'error',
          code: 'jump-loop',
          message: `this jump closes a loop: ${[...through.slice(at), to.name].join(' → ')}`,
        })
      }
    }
    done.add(chain.name)
  }
  for (const chain of table.chains) walk(chain, [])
  return problems
}
