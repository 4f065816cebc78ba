import type { Position } from '../base/diagnostic.ts'
import type { ParsedRule } from '../iptables/parse-rule.ts'
import type { Findings } from './findings.ts'

/**
 * What iptables refuses, and what it takes with another meaning than was written: in a policy both
 * are errors.
 */
export function reportProblems(
  { problems, cautions }: ParsedRule,
  positionOf: (word: number) => Position,
  findings: Findings,
): void {
  for (const { code, message, hint, word } of [...problems, ...cautions]) {
    findings.error(code, positionOf(word), message, hint)
  }
}
