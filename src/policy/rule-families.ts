/** Which families a rule written as a mapping is for. A rule is dropped, and reported, never widened. */
import type { Position } from '../base/diagnostic.ts'
import { EXTENSIONS, findMatch, findTarget } from '../extensions/catalogue.ts'
import { FAMILIES, type Family } from '../ruleset/model.ts'
import type { Findings } from './findings.ts'
import { didYouMean } from './nearest.ts'
import type { Operand } from './operand.ts'
import type { RuleParts } from './rule-parts.ts'

/** Why a rule does not exist in a family. */
interface Obstacle {
  readonly severity: 'warning' | 'info' | 'silent'
  readonly at: RuleParts['at']
  readonly reason: string
  readonly hint?: string
}

const SHOWN: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' }

/** The families, out of `possible`, in which the rule exists. Reports what it is left out of. */
export function ruleFamilies(
  parts: RuleParts,
  possible: readonly Family[],
  findings: Findings,
): readonly Family[] {
  if (!checkExtensionNames(parts, findings)) return []
  const { family } = parts
  const wanted = family === undefined ? possible : possible.filter((f) => f === family)
  const obstacles = new Map(wanted.map((f) => [f, findObstacle(parts, f, family !== undefined)]))
  const fitting = wanted.filter((f) => obstacles.get(f) === undefined)
  for (const [dropped, obstacle] of obstacles) {
    if (obstacle === undefined) continue
    const { severity, at, reason, hint } = obstacle
    if (family !== undefined) {
      findings.error('family-mismatch', at, `the rule is for ${family}, but ${reason}`, hint)
    } else if (fitting.length > 0 && severity !== 'silent') {
      const message = `the rule is left out of ${SHOWN[dropped]}: ${reason}`
      findings.add(severity, { code: 'dropped-from-family', at, message, hint })
    }
  }
  if (family === undefined && fitting.length === 0) reportNoFamily(parts, obstacles, findings)
  return fitting
}

function reportNoFamily(
  parts: RuleParts,
  obstacles: ReadonlyMap<Family, Obstacle | undefined>,
  findings: Findings,
): void {
  const operands = [parts.source, parts.destination, parts.protocol]
  // An operand without any member is one whose mistakes are reported already.
  if (operands.some((operand) => operand?.members.length === 0)) return
  const found = [...obstacles.values()].filter((o) => o !== undefined)
  const [first] = found
  if (first === undefined) return
  const reasons = [...new Set(found.map((o) => o.reason))].join('; ')
  const isGroup = operands.some((o) => o?.members.some((m) => m.group !== undefined))
  const code = isGroup && obstacles.size === 1 ? 'empty-group' : 'family-mismatch'
  findings.error(code, first.at, `the rule fits no family: ${reasons}`)
}

function findObstacle(parts: RuleParts, family: Family, explicit: boolean): Obstacle | undefined {
  return (
    addressObstacle(parts.source, family, explicit) ??
    addressObstacle(parts.destination, family, explicit) ??
    (explicit ? undefined : protocolObstacle(parts.protocol, family)) ??
    (parts.fragment && family === 'ipv6'
      ? { severity: 'silent', at: parts.fragment.at, reason: 'fragment is IPv4 only' }
      : undefined) ??
    extensionObstacle(parts, family)
  )
}

function addressObstacle(
  operand: Operand | undefined,
  family: Family,
  explicit: boolean,
): Obstacle | undefined {
  if (operand === undefined || operand.members.length === 0) return undefined
  const outsider = operand.members.find(
    (m) => m.group === undefined && !m.families.includes(family),
  )
  if (explicit && outsider !== undefined) {
    const reason = `"${outsider.text}" is an ${SHOWN[outsider.families[0] ?? 'ipv4']} address`
    return { severity: 'silent', at: outsider.at, reason }
  }
  if (operand.members.some((member) => member.families.includes(family))) return undefined
  const group = operand.members.find((m) => m.group !== undefined)?.group
  const what = group === undefined ? 'its addresses have' : `group "${group}" has`
  return {
    severity: group === undefined && !operand.negated ? 'silent' : 'warning',
    at: operand.at,
    reason: `${what} no ${SHOWN[family]} member`,
    hint: `say so with "family: ${family === 'ipv4' ? 'ipv6' : 'ipv4'}", or add an ${SHOWN[family]} address`,
  }
}

function protocolObstacle(operand: Operand | undefined, family: Family): Obstacle | undefined {
  if (operand === undefined || operand.members.length === 0) return undefined
  if (operand.members.some((member) => member.families.includes(family))) return undefined
  const severity = operand.negated ? 'warning' : 'silent'
  const reason = `protocol ${operand.members[0]?.text} is not ${SHOWN[family]}`
  return { severity, at: operand.at, reason }
}

function extensionObstacle(parts: RuleParts, family: Family): Obstacle | undefined {
  const other = family === 'ipv4' ? 'ipv6' : 'ipv4'
  for (const part of parts.matches) {
    if (part.kind !== 'match') continue
    const { key, keyAt } = part.entry
    if (findMatch(key, family) === undefined && findMatch(key, other) !== undefined) {
      return { severity: 'info', at: keyAt, reason: `match ${key} is ${SHOWN[other]} only` }
    }
  }
  const { target } = parts
  if (target === undefined || target.verb === 'goto') return undefined
  if (
    findTarget(target.name, family) !== undefined ||
    findTarget(target.name, other) === undefined
  ) {
    return undefined
  }
  return {
    severity: 'info',
    at: target.at,
    reason: `target ${target.name} is ${SHOWN[other]} only`,
  }
}

/** A mapping can only name what the catalogue knows. False, and reported, when it does not. */
function checkExtensionNames(parts: RuleParts, findings: Findings): boolean {
  let ok = true
  const check = (kind: 'match' | 'target', name: string, at: Position): void => {
    const find = kind === 'match' ? findMatch : findTarget
    if (FAMILIES.some((family) => find(name, family) !== undefined)) return
    const known = EXTENSIONS.filter((e) => e.kind === kind).map((e) => e.name)
    const asText = 'fwctl does not know its options: write the rule as text, as iptables takes it'
    const hint = didYouMean(name, known) ?? asText
    findings.error('unknown-extension', at, `unknown ${kind} "${name}"`, hint)
    ok = false
  }
  for (const part of parts.matches) {
    if (part.kind === 'match') check('match', part.entry.key, part.entry.keyAt)
  }
  const { target } = parts
  if (target?.options !== undefined) check('target', target.name, target.at)
  return ok
}
