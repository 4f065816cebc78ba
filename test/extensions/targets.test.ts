import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BUILTIN_NAMES as names } from '../../src/extensions/builtin-names.ts'
import { EXTENSIONS } from '../../src/extensions/catalogue.ts'
import { checkRuleset } from '../../src/iptables/check.ts'
import { parseRule } from '../../src/iptables/parse-rule.ts'
import { makeRule } from '../../src/iptables/rule.ts'
import { tokenise } from '../../src/iptables/tokenise.ts'
import {
  type Backend,
  type Dialect,
  FAMILIES,
  type Rule,
  type TableName,
} from '../../src/ruleset/model.ts'

const DEFAULT_CHAINS: Readonly<Record<TableName, string>> = {
  raw: 'PREROUTING',
  mangle: 'FORWARD',
  nat: 'POSTROUTING',
  filter: 'INPUT',
  security: 'INPUT',
}

interface Row {
  readonly dialect: Dialect
  readonly table: TableName
  readonly chain: string
  readonly typed: string
  readonly saved: string
}

interface Reading {
  /** Absent when the rule is refused. */
  readonly rule?: Rule
  readonly refusal?: string
  readonly cautions: readonly string[]
}

function dialectOf(where: string): Dialect[] {
  const backends: readonly Backend[] =
    where[0] === 'n' ? ['nft'] : where[0] === 'l' ? ['legacy'] : ['nft', 'legacy']
  const families = FAMILIES.filter((f) => where.includes(f === 'ipv4' ? '4' : '6'))
  return backends.flatMap((backend) =>
    families.map((family) => ({ family, backend, version: [1, 8, 9] as const })),
  )
}

/** The sections of the table, by the name of the extension. */
function readTable(): Map<string, Row[]> {
  const sections = new Map<string, Row[]>()
  let rows: Row[] = []
  const text = readFileSync(new URL('targets.txt', import.meta.url), 'utf8')
  for (const line of text.split('\n')) {
    const name = /^# (\w+)/.exec(line)?.[1]
    if (name !== undefined) {
      rows = []
      sections.set(name, rows)
    }
    const [, where = '', place = '', typed = '', saved = ''] =
      /^([nl46,]+) (\S+) (.*) => (.*)$/.exec(line) ?? []
    const [table = 'filter', chain = DEFAULT_CHAINS[table as TableName]] = place.split('/')
    for (const dialect of where.split(',').flatMap(dialectOf)) {
      rows.push({ dialect, table: table as TableName, chain, typed, saved })
    }
  }
  return sections
}

/** What fwctl makes of a rule in its chain. */
function read(typed: string, { dialect, table, chain }: Omit<Row, 'typed' | 'saved'>): Reading {
  const { specs, problems, cautions } = parseRule(tokenise(typed).words, { dialect, names })
  const [spec] = specs
  const codes = cautions.map((c) => c.code)
  if (spec === undefined) return { refusal: problems[0]?.code ?? 'nothing', cautions: codes }
  const rule = makeRule(spec, { dialect, names })
  const ruleset = {
    family: dialect.family,
    tables: [{ name: table, chains: [{ name: chain, policy: 'ACCEPT' as const, rules: [rule] }] }],
  }
  const [problem] = checkRuleset(ruleset, dialect.backend).filter((p) => p.severity === 'error')
  return problem === undefined
    ? { rule, cautions: codes }
    : { refusal: problem.code, cautions: codes }
}

function titleOf({ dialect, table, chain, typed }: Row): string {
  return `${dialect.backend} ${dialect.family} ${table} ${chain} ${typed}`
}

const sections = readTable()

const isRefused = ({ saved }: Row): boolean => saved.startsWith('!')
const isDoubtful = ({ saved }: Row): boolean => saved.startsWith('?')
const withRows = (wanted: (row: Row) => boolean): [string, Row[]][] =>
  [...sections]
    .map(([name, rows]): [string, Row[]] => [name, rows.filter(wanted)])
    .filter(([, rows]) => rows.length > 0)

describe.each(withRows((row) => !isRefused(row) && !isDoubtful(row)))('%s', (_name, rows) => {
  it('is saved as iptables saves it, and its save is the same rule', () => {
    for (const row of rows) {
      const { rule, refusal, cautions } = read(row.typed, row)
      const saved = row.saved === '=' ? row.typed : row.saved
      expect({ text: rule?.text, refusal, cautions }, titleOf(row)).toEqual({
        text: saved,
        refusal: undefined,
        cautions: [],
      })
      const again = read(saved, row).rule
      expect(again?.key, titleOf(row)).toBe(rule?.key)
      expect(again?.text, titleOf(row)).toBe(saved)
    }
  })

  it('tells apart what iptables saves differently', () => {
    const texts = new Map<string, string>()
    for (const row of rows) {
      const text = row.saved === '=' ? row.typed : row.saved
      const { family, backend } = row.dialect
      const key = `${backend} ${family} ${read(text, row).rule?.key}`
      // Several spellings of ports, and of one match in two, are one rule.
      if (/-m (tcp|udp) /.test(text)) continue
      expect(texts.get(key) ?? text, titleOf(row)).toBe(text)
      texts.set(key, text)
    }
  })
})

it.each(withRows(isRefused))('refuses what forbids itself: %s', (_name, rows) => {
  for (const row of rows) {
    expect(`!${read(row.typed, row).refusal}`, titleOf(row)).toBe(row.saved)
  }
})

it.each(withRows(isDoubtful))('warns, and still reads it as iptables does: %s', (_name, rows) => {
  for (const row of rows) {
    const [code, ...words] = row.saved.split(' ')
    const { rule, cautions } = read(row.typed, row)
    expect(`?${cautions[0]}`, titleOf(row)).toBe(code)
    if (words.length === 0) continue
    const saved = words.join(' ')
    expect(rule?.text, titleOf(row)).toBe(saved === '=' ? row.typed : saved)
  }
})

describe('the table of targets', () => {
  const targets = EXTENSIONS.filter((e) => e.kind === 'target')

  it.each(targets.map((e) => [e.name, e] as const))('has every option of %s', (name, entry) => {
    const rows = sections.get(name) ?? []
    for (const option of Object.keys(entry.options)) {
      const used = rows.some((row) => ` ${row.typed} `.includes(` --${option} `))
      expect(used, `${name} --${option}`).toBe(true)
    }
    expect(rows.length).toBeGreaterThan(0)
  })
})

describe('keys of targets', () => {
  const key = (typed: string): string | undefined =>
    read(typed, {
      dialect: { family: 'ipv4', backend: 'nft', version: [1, 8, 9] },
      table: 'raw',
      chain: 'PREROUTING',
    }).rule?.key

  it('take NOTRACK for CT --notrack', () => {
    expect(key('-j NOTRACK')).toBe(key('-j CT --notrack'))
    expect(key('-j NOTRACK')).not.toBe(key('-j CT --notrack --zone 5'))
  })
})

describe('targets of other versions', () => {
  const text = (typed: string, dialect: Partial<Dialect>): string | undefined => {
    const full: Dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9], ...dialect }
    const { specs } = parseRule(tokenise(typed).words, { dialect: full, names })
    return specs[0] && makeRule(specs[0], { dialect: full, names }).text
  }

  it('NFQUEUE ends at 65534 from 1.8.11 on', () => {
    expect(text('-j NFQUEUE --queue-balance 4:', { version: [1, 8, 11] })).toBe(
      '-j NFQUEUE --queue-balance 4:65534',
    )
    expect(text('-j NFQUEUE --queue-balance 4:', { version: [1, 8, 10] })).toBe(
      '-j NFQUEUE --queue-balance 4:65535',
    )
  })

  it('REDIRECT --random is not saved before 1.8.9, and fwctl says so', () => {
    const dialect: Dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 8] }
    expect(text('-j REDIRECT --random', dialect)).toBe('-j REDIRECT')
    const { cautions } = read('-j REDIRECT --random', {
      dialect,
      table: 'nat',
      chain: 'PREROUTING',
    })
    expect(cautions).toEqual(['changes-meaning'])
  })

  it('nft has room for longer NFLOG prefixes from 1.8.8 on', () => {
    const prefix = 'x'.repeat(100)
    expect(text(`-j NFLOG --nflog-prefix ${prefix}`, { version: [1, 8, 8] })).toContain(prefix)
    expect(text(`-j NFLOG --nflog-prefix ${prefix}`, { version: [1, 8, 7] })).toBe(
      `-j NFLOG --nflog-prefix ${'x'.repeat(63)}`,
    )
  })
})
