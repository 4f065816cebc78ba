import type { Rule } from '../ruleset/model.ts'

/** The chain, or the target, that a rule goes on to. Reading every rule would take longer than all else. */
export function jumpOf(rule: Rule): string | undefined {
  const { text } = rule
  if (!text.includes('"')) return jumpIn(text)
  // Inside of quotes anything may stand, and a backslash may keep them open.
  if (text.includes('\\')) return rule.spec.target?.name
  return text
    .split('"')
    .filter((_, index) => index % 2 === 0)
    .map(jumpIn)
    .find((name) => name !== undefined)
}

function jumpIn(text: string): string | undefined {
  const start = flagEnd(text, '-j ') ?? flagEnd(text, '-g ')
  if (start === undefined) return undefined
  const end = text.indexOf(' ', start)
  return end < 0 ? text.slice(start) : text.slice(start, end)
}

function flagEnd(text: string, flag: string): number | undefined {
  const at = text.lastIndexOf(` ${flag}`)
  if (at >= 0) return at + 1 + flag.length
  return text.startsWith(flag) ? flag.length : undefined
}
