import type { Rule } from '../ruleset/model.ts'

/** The space before is only looked at: in `-j -g ` it is the one behind the first verb. */
const VERB = /(?<=^| )-[jg] /g

/**
 * The chain, or the target, that a rule goes on to, from its text: reading every rule would take longer than
 * all else. Where more than one word looks like the verb, as in `--comment -j -g CHAIN`, it is read.
 */
export function jumpOf(rule: Rule): string | undefined {
  const { text } = rule
  // A backslash may keep quotes open.
  if (text.includes('\\')) return rule.spec.target?.name
  const parts = text.includes('"') ? unquoted(text) : [text]
  let found: string | undefined
  for (const part of parts) {
    const at = verbIn(part)
    if (at === undefined) continue
    if (at === 'many' || found !== undefined) return rule.spec.target?.name
    found = wordAt(part, at)
  }
  return found
}

/** Inside of quotes anything may stand. */
function unquoted(text: string): readonly string[] {
  return text.split('"').filter((_, index) => index % 2 === 0)
}

/** Where the word behind `-j` or `-g` begins. */
function verbIn(text: string): number | 'many' | undefined {
  const [first, second] = text.matchAll(VERB)
  if (second !== undefined) return 'many'
  return first && first.index + first[0].length
}

function wordAt(text: string, start: number): string {
  const end = text.indexOf(' ', start)
  return end < 0 ? text.slice(start) : text.slice(start, end)
}
