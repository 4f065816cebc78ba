import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BUILTIN_NAMES as names } from '../../src/extensions/builtin-names.ts'
import { findMatch } from '../../src/extensions/catalogue.ts'
import { parseRule } from '../../src/iptables/parse-rule.ts'
import { makeRule } from '../../src/iptables/rule.ts'
import { tokenise } from '../../src/iptables/tokenise.ts'
import {
  type Dialect,
  FAMILIES,
  type Family,
  type Rule,
  type RuleSpec,
} from '../../src/ruleset/model.ts'

interface Row {
  readonly family: Family
  readonly typed: string
  readonly saved: string
}

function read(line: string, { family = 'ipv4', ...dialect }: Partial<Dialect> = {}) {
  const full: Dialect = { family, backend: 'nft', version: [1, 8, 9], ...dialect }
  const { specs, problems, cautions } = parseRule(tokenise(line).words, { dialect: full, names })
  const [spec] = specs
  const rule = spec && makeRule(spec as RuleSpec, { dialect: full, names })
  return { rule, problems, cautions }
}

function rule(line: string, dialect?: Partial<Dialect>): Rule {
  const { rule: read1, problems } = read(line, dialect)
  if (read1 === undefined) throw new Error(`${line}: ${problems[0]?.message}`)
  return read1
}

/** The sections of the table, by the name of the extension. */
function readTable(): Map<string, Row[]> {
  const table = new Map<string, Row[]>()
  let rows: Row[] = []
  for (const line of readFileSync(new URL('matches-a.txt', import.meta.url), 'utf8').split('\n')) {
    const name = /^# (\w+)$/.exec(line)?.[1]
    if (name !== undefined) {
      rows = []
      table.set(name, rows)
    }
    const row = /^(4?6?) (.*) => (.*)$/.exec(line)
    if (row === null || line.startsWith('#')) continue
    const [, families = '', typed = '', saved = ''] = row
    for (const digit of families) {
      const family = digit === '4' ? 'ipv4' : 'ipv6'
      rows.push({ family, typed, saved: saved === '=' ? typed : saved })
    }
  }
  return table
}

const isRefused = ({ saved }: Row): boolean => /^![a-z]/.test(saved)
const isDoubtful = ({ saved }: Row): boolean => saved.startsWith('?')

describe.each([...readTable()])('%s', (name, rows) => {
  const accepted = rows.filter((row) => !isRefused(row) && !isDoubtful(row))
  const refused = rows.filter(isRefused)
  const doubtful = rows.filter(isDoubtful)

  it('is saved as iptables saves it, and its save is the same rule', () => {
    for (const { family, typed, saved } of accepted) {
      const { rule: typedRule, problems, cautions } = read(typed, { family })
      expect([...problems, ...cautions], typed).toEqual([])
      expect(typedRule?.text, typed).toBe(saved)
      const savedRule = rule(saved, { family })
      expect(savedRule.key, typed).toBe(typedRule?.key)
      expect(savedRule.spec, typed).toEqual(typedRule?.spec)
    }
  })

  if (refused.length > 0) {
    it('refuses what iptables, the kernel or the meaning forbids', () => {
      for (const { family, typed, saved } of refused) {
        expect(`!${read(typed, { family }).problems[0]?.code}`, `${family} ${typed}`).toBe(saved)
      }
    })
  }

  if (doubtful.length > 0) {
    it('warns of what does not mean what it says', () => {
      for (const { family, typed, saved } of doubtful) {
        const { problems, cautions } = read(typed, { family })
        expect(problems, typed).toEqual([])
        expect(`?${cautions[0]?.code}`, typed).toBe(saved)
      }
    })
  }

  it('has a recorded save for every option', () => {
    for (const family of FAMILIES) {
      for (const option of Object.keys(findMatch(name, family)?.options ?? {})) {
        if (option === 'object-pinned') continue // needs a pinned program
        const word = new RegExp(` --${option}( |$)`)
        const uses = accepted.filter((row) => row.family === family && word.test(row.typed))
        expect(uses.length, `${family} --${option}`).toBeGreaterThan(0)
      }
    }
  })

  it('tells rules apart that are saved differently', () => {
    const textOf = new Map<string, string>()
    for (const { family, saved } of accepted) {
      const { key } = rule(saved, { family })
      const known = textOf.get(`${family} ${key}`) ?? saved
      expect(known).toBe(saved)
      textOf.set(`${family} ${key}`, saved)
    }
  })
})

describe('keys', () => {
  it.each([
    ['-m state --state NEW', '-m conntrack --ctstate NEW'],
    ['-m state ! --state INVALID', '-m conntrack ! --ctstate INVALID'],
    ['-m conntrack --ctorigsrc 10.1.2.3/8', '-m conntrack --ctorigsrc 10.0.0.0/8'],
    ['-m cpu --cpu 1 -m set --match-set a src', '-m set --match-set a src -m cpu --cpu 1'],
  ])('takes %s for %s', (a, b) => {
    expect(rule(a).key).toBe(rule(b).key)
  })

  it.each([
    // Without a connection --ctstate alone decides, so one instance is not two.
    [
      '-m conntrack --ctstate NEW --ctdir REPLY',
      '-m conntrack --ctstate NEW -m conntrack --ctdir REPLY',
    ],
    ['-m conntrack --ctorigsrc 10.1.2.3/8', '-m conntrack --ctorigsrc 11.0.0.0/8'],
    // What a set counts depends on the place of the match, and so does what it then tests.
    [
      '-m cpu --cpu 1 -m set --match-set a src --packets-gt 5',
      '-m set --match-set a src --packets-gt 5 -m cpu --cpu 1',
    ],
    ['-m connlabel --label 1 --set -m cpu --cpu 1', '-m cpu --cpu 1 -m connlabel --label 1 --set'],
  ])('tells %s from %s', (a, b) => {
    expect(rule(a).key).not.toBe(rule(b).key)
  })
})

describe('versions', () => {
  it('saves the default --to of a string until 1.8.8', () => {
    const typed = '-m string --string x --algo bm --from 5 --icase'
    const old = rule(typed, { version: [1, 8, 8] })
    expect(old.text).toBe('-m string --string "x" --algo bm --from 5 --to 65535 --icase')
    expect(rule(typed).text).toBe('-m string --string "x" --algo bm --from 5 --icase')
    expect(rule(old.text).key).toBe(rule(typed).key)
  })
})
