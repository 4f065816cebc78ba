/**
 * The rules of a chain as rows, with the columns of `iptables -L -n -v -x`. They are made from
 * `-v -S`: that listing is for eyes (a rule without a target shifts its columns, a comment may hold
 * a newline, names and numbers change with the version), this one for programs.
 */
import { FwctlError } from '../../base/error.ts'
import type { Names } from '../../extensions/names.ts'
import { printRule } from '../../iptables/print-rule.ts'
import { formatNetwork, parseMaskedAddress } from '../../net/address.ts'
import type { Criterion, Dialect, Rule } from '../../ruleset/model.ts'

/**
 * packets, bytes, target, protocol, opt, in, out, source, destination, options. The options are
 * written as a rule has them (`-m tcp --dport 22`), and so can be used in one.
 */
export type StatRow = readonly string[]

export interface Stat {
  readonly packets: bigint
  readonly bytes: bigint
  /** Empty for a rule without a target. */
  readonly target: string
  /** By name where it has one; `all`; with a `!` in front when it is negated. */
  readonly protocol: string
  /** `--`, or `-f` and `!f` for fragments. */
  readonly opt: string
  /** `*` for any; with a `!` in front when it is negated. */
  readonly input: string
  readonly output: string
  readonly source: StatNetwork
  readonly destination: StatNetwork
  readonly options: string
}

export interface StatNetwork {
  readonly negated: boolean
  /** `10.0.0.0/8`, host bits cleared. */
  readonly network: string
}

const COLUMNS = 10

export function statRow(
  rule: Rule,
  { dialect, names }: { readonly dialect: Dialect; readonly names: Names },
): StatRow {
  const { spec, counters } = rule
  const any = dialect.family === 'ipv4' ? '0.0.0.0/0' : '::/0'
  const { target } = spec
  const head = target ? printRule({ matches: [], target }, dialect, names) : ''
  const protocol = spec.protocol && {
    ...spec.protocol,
    value: printRule(
      { matches: [], protocol: { ...spec.protocol, negated: false } },
      dialect,
      names,
    )
      // `-p tcp`
      .slice(3),
  }
  const options = [
    printRule({ matches: spec.matches }, dialect, names),
    head.split(' ').slice(2).join(' '),
  ]
  return [
    String(counters?.packets ?? 0n),
    String(counters?.bytes ?? 0n),
    target?.name ?? '',
    shown(protocol, 'all'),
    spec.fragment ? (spec.fragment.negated ? '!f' : '-f') : '--',
    shown(spec.inInterface, '*'),
    shown(spec.outInterface, '*'),
    shown(spec.source, any),
    shown(spec.destination, any),
    options.filter((part) => part !== '').join(' '),
  ]
}

function shown(criterion: Criterion | undefined, any: string): string {
  return criterion === undefined ? any : `${criterion.negated ? '!' : ''}${criterion.value}`
}

/**
 * A row with its numbers and networks read, also one that was taken from `iptables -L -n -v -x`.
 * Throws FwctlError `invalid-input` for a row that is none.
 */
export function parseStat(row: StatRow): Stat {
  const [packets = '', bytes = '', target = '', protocol = '', opt = '', ...more] = row
  const [input = '', output = '', source = '', destination = '', options = ''] = more
  if (row.length < COLUMNS) {
    throw badRow(row, `it has ${row.length} columns, not ${COLUMNS}`)
  }
  return {
    packets: readCount(row, packets),
    bytes: readCount(row, bytes),
    ...{ target, protocol, opt, input, output },
    source: readNetwork(row, source),
    destination: readNetwork(row, destination),
    options,
  }
}

function readCount(row: StatRow, text: string): bigint {
  if (!/^\d+$/.test(text)) throw badRow(row, `${JSON.stringify(text)} is no count`)
  return BigInt(text)
}

function readNetwork(row: StatRow, text: string): StatNetwork {
  const negated = text.startsWith('!')
  const bare = negated ? text.slice(1) : text
  const bits = bare.includes(':') ? 128 : 32
  const network = parseMaskedAddress(bare, bits)
  if (bare === '' || network === undefined) {
    throw badRow(row, `${JSON.stringify(text)} is no network`)
  }
  return { negated, network: formatNetwork(network, bits) }
}

function badRow(row: StatRow, why: string): FwctlError {
  return new FwctlError('invalid-input', `Not a row of statistics: ${why}.`, { details: { row } })
}
