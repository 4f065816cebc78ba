/** Rules that use sets: in which families they can exist, and whether they fit their sets. */
import type { Diagnostic, Position } from '../base/diagnostic.ts'
import { rulesOf, setReferences } from '../ipset/references.ts'
import type { LiveSets, SetContents, SetGoal } from '../ipset/set.ts'
import { kernelFamily, typeOf } from '../ipset/set-types.ts'
import type { Family, Rule, Ruleset } from '../ruleset/model.ts'
import type { Findings } from './findings.ts'
import { didYouMean } from './nearest.ts'
import type { PolicySet } from './policy.ts'
import type { CompiledRule } from './rule-context.ts'

/** A set that the policy uses and does not declare: fine if the host has it. */
export interface ExternalSet {
  readonly name: string
  readonly at?: Position
  /** A declared set that may have been meant. */
  readonly hint?: string
}

export type DeclaredSets = ReadonlyMap<string, PolicySet>

export function setsByName(sets: readonly PolicySet[]): DeclaredSets {
  return new Map(sets.map((one) => [one.set.name, one]))
}

const SHOWN: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' }

/**
 * The rule in the families that its sets belong to: iptables refuses a set of the other family. It
 * is left out of the others, which is said, and never widened.
 */
export function narrowToSets(
  compiled: CompiledRule,
  context: {
    readonly sets: DeclaredSets
    readonly findings: Findings
    /** Families of the policy that are not looked at this time: there the rule may well exist. */
    readonly unseen: readonly Family[]
  },
): CompiledRule {
  const { sets, findings, unseen } = context
  if (sets.size === 0) return compiled
  const families = Object.keys(compiled) as Family[]
  const obstacles = new Map(families.map((f) => [f, foreignSet(compiled[f] ?? [], f, sets)]))
  const fitting = families.filter((family) => obstacles.get(family) === undefined)
  if (fitting.length === families.length) return compiled
  for (const family of families) {
    const obstacle = obstacles.get(family)
    if (obstacle === undefined) continue
    const { set, at } = obstacle
    const other = family === 'ipv4' ? 'ipv6' : 'ipv4'
    const reason = `set ${set} is for ${SHOWN[other]}`
    if (fitting.length > 0) {
      const message = `the rule is left out of ${SHOWN[family]}: ${reason}`
      const hint = `say so with "family: ${other}", or match a set for ${SHOWN[family]} in a rule of its own`
      findings.add('info', { code: 'dropped-from-family', at, message, hint })
    } else if (!unseen.includes(other)) {
      const message = `the rule can not exist in ${SHOWN[family]}: ${reason}`
      findings.error('family-mismatch', at, message)
    }
  }
  return Object.fromEntries(fitting.map((family) => [family, compiled[family]]))
}

/** The first set of the other family that the rules use. */
function foreignSet(
  rules: readonly Rule[],
  family: Family,
  sets: DeclaredSets,
): { readonly set: string; readonly at: Position } | undefined {
  for (const rule of rules) {
    for (const { name } of setReferences(rule)) {
      const header = sets.get(name)?.set.header
      const found = header === undefined ? undefined : kernelFamily(header)
      if (found === undefined || found === (family === 'ipv4' ? 'inet' : 'inet6')) continue
      return { set: name, at: rule.origin ?? NOWHERE }
    }
  }
  return undefined
}

const NOWHERE: Position = { file: '', line: 1, column: 1 }

/** Reports rules that can not match their sets, and returns the sets that the host has to have. */
export function checkSetReferences(
  rulesets: readonly Ruleset[],
  sets: DeclaredSets,
  options: {
    readonly findings: Findings
    /** False: some sets could not be read, so one that is missing may be one of them. */
    readonly complete: boolean
  },
): readonly ExternalSet[] {
  const { findings, complete } = options
  const external = new Map<string, ExternalSet>()
  for (const rule of rulesets.flatMap(rulesOf)) {
    const at = rule.origin ?? NOWHERE
    for (const { name, flags } of setReferences(rule)) {
      const declared = sets.get(name)
      if (declared !== undefined) {
        checkDimension(name, flags, { declared, at, findings })
        continue
      }
      if (external.has(name)) continue
      const hint = complete ? likelyMeant(name, sets) : undefined
      external.set(name, { name, at, ...(hint === undefined ? {} : { hint }) })
    }
  }
  for (const { set, at } of sets.values()) {
    if (set.header.type !== 'list:set') continue
    for (const { element } of set.entries) {
      if (!sets.has(element) && !external.has(element)) external.set(element, { name: element, at })
    }
  }
  return [...external.values()]
}

/** `block4` is no slip of the pen for `block6`, nor is one letter for another. */
function likelyMeant(name: string, sets: DeclaredSets): string | undefined {
  const withoutDigits = (text: string): string => text.replaceAll(/\d+/g, '#')
  const candidates = [...sets.keys()].filter((one) => withoutDigits(one) !== withoutDigits(name))
  return name.length < 4 ? undefined : didYouMean(name, candidates)
}

/** With fewer flags than dimensions the kernel never matches; more of them mean nothing. */
function checkDimension(
  name: string,
  flags: string,
  about: { readonly declared: PolicySet; readonly at: Position; readonly findings: Findings },
): void {
  const { declared, at, findings } = about
  const { header } = declared.set
  const { dimension } = typeOf(header)
  const given = flags.split(',').length
  if (dimension === 'any' || dimension === given) return
  const example = dimension === 1 ? 'src' : ['src', 'dst', 'src'].slice(0, dimension).join(',')
  const message = `set ${name} is of type ${header.type}, and "${flags}" does not fit it`
  findings.error('set-dimension', at, message, `give src or dst ${dimension} times: "${example}"`)
}

/** What the declared sets should be, when these are the rules. */
export function setGoals(rulesets: readonly Ruleset[], sets: readonly PolicySet[]): SetGoal[] {
  if (sets.length === 0) return []
  const written = new Set(
    rulesets
      .flatMap(rulesOf)
      .flatMap((rule) => setReferences(rule).flatMap((use) => (use.writes ? [use.name] : []))),
  )
  return sets.map(({ set, declaresEntries, at }) => {
    const contents: SetContents = !declaresEntries
      ? 'others'
      : written.has(set.name)
        ? 'shared'
        : 'exact'
    return { set, contents, origin: at }
  })
}

/** The sets that are nowhere; while nobody knows which sets the host has, a slip of the pen is one. */
export function missingSets(
  external: readonly ExternalSet[],
  live: LiveSets | undefined,
): Diagnostic[] {
  return external
    .filter(({ name }) => !live?.has(name))
    .map(({ name, at, hint }): Diagnostic => {
      const isError = live !== undefined || hint !== undefined
      return {
        code: 'set-missing',
        severity: isError ? 'error' : 'warning',
        message:
          live === undefined
            ? `the policy declares no set "${name}"${isError ? '' : ', so the host has to have it'}`
            : `neither the policy nor the host has a set "${name}"`,
        hint: hint ?? 'declare it under sets:',
        ...at,
      }
    })
}
