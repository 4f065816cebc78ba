import { BUILTIN_CHAINS } from '../../src/ruleset/hooks.ts'
import type { Chain, Counters, Rule, Ruleset, Table, TableName } from '../../src/ruleset/model.ts'

/** A rule whose text is its key: enough for every stage that only compares. */
export function rule(text: string, counters?: Counters): Rule {
  const jump = /(?:^| )-(j|g) (\S+)/.exec(text)
  const comment = /--comment (?:"([^"]*)"|(\S+))/.exec(text)
  const matches = [...text.matchAll(/(?:^| )(-[sdiop]) (\S+)/g)].map(
    ([, flag = '', value = '']) => ({
      module: flag,
      options: [{ name: 'value', negated: false, values: [value] }],
    }),
  )
  const commentText = comment?.[1] ?? comment?.[2]
  const commentMatch = {
    module: 'comment',
    options: [{ name: 'comment', negated: false, values: [commentText ?? ''] }],
  }
  const target =
    jump === null
      ? {}
      : {
          target: {
            verb: jump[1] === 'g' ? ('goto' as const) : ('jump' as const),
            name: jump[2] ?? '',
            options: [],
          },
        }
  return {
    spec: { matches: commentText === undefined ? matches : [...matches, commentMatch], ...target },
    text,
    key: text,
    ...(counters === undefined ? {} : { counters }),
  }
}

export function counters(packets: number, bytes: number = packets * 10): Counters {
  return { packets: BigInt(packets), bytes: BigInt(bytes) }
}

/** Rules written one a line, each with `[packets:bytes]` in front if it has counters. */
function rules(...lines: readonly string[]): Rule[] {
  return lines.map((line) => {
    const counted = /^\[(\d+):(\d+)\] (.*)$/.exec(line)
    if (counted === null) return rule(line)
    return rule(counted[3] ?? '', counters(Number(counted[1]), Number(counted[2])))
  })
}

export function chain(
  name: string,
  lines: readonly string[] = [],
  rest: Partial<Pick<Chain, 'policy' | 'counters'>> = {},
): Chain {
  return { name, rules: rules(...lines), ...rest }
}

export function table(name: TableName, ...chains: readonly Chain[]): Table {
  return { name, chains }
}

export function ruleset(...tables: readonly Table[]): Ruleset {
  return { family: 'ipv4', tables }
}

/** A table as a save prints it: every built-in chain, in hook order, then the others. */
export function fullTable(name: TableName, ...chains: readonly Chain[]): Table {
  const builtins = BUILTIN_CHAINS[name].map(
    (hook): Chain =>
      chains.find((found) => found.name === hook) ?? { name: hook, policy: 'ACCEPT', rules: [] },
  )
  const users = chains.filter(
    (found) => !(BUILTIN_CHAINS[name] as readonly string[]).includes(found.name),
  )
  return { name, chains: [...builtins, ...users] }
}
