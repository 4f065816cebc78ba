/** iptables-restore --noflush, over the tables of a FakeKernel. */
import { tokenise } from '../../iptables/tokenise.ts'
import { isBuiltinChain } from '../../ruleset/hooks.ts'
import type { TableName } from '../../ruleset/model.ts'
import {
  commitFakeTable,
  copyTable,
  type FakeKernel,
  type FakePlace,
  FakeRefusal,
  openTable,
  refusesAllRules,
  runFakeCommand,
} from './fake-kernel.ts'
import { readFakeCommand } from './fake-words.ts'

/** Where a restore stopped; the tables before that one are in. */
export interface FakeRestoreStop {
  /** From 1; as the back end would say it, that of the COMMIT when the kernel refuses. */
  readonly line: number
  readonly table: TableName | undefined
  readonly refusal: FakeRefusal
}

/** Undefined when everything is in. */
export function runFakeRestore(kernel: FakeKernel, text: string): FakeRestoreStop | undefined {
  let place: FakePlace | undefined
  let declared = new Set<string>()
  let number = 0
  let late: FakeRestoreStop | undefined
  try {
    for (const line of text.split('\n')) {
      number++
      if (line === '' || line.startsWith('#')) continue
      if (line.startsWith('*')) {
        if (place) throw new FakeRefusal('invalid-rule', 'COMMIT expected')
        const name = line.slice(1) as TableName
        place = { kernel, name, table: copyTable(openTable(kernel, name)) }
        declared = new Set()
        late = undefined
      } else if (place === undefined) throw new FakeRefusal('invalid-rule', 'outside of a table')
      else if (line === 'COMMIT') {
        if (late) return late
        commitFakeTable(place)
        place = undefined
      } else if (line.startsWith(':')) declareChain(place, declared, line)
      else {
        const refusal = runLine(place, line)
        if (refusal) late ??= { line: number, table: place.name, refusal }
      }
    }
    if (place) throw new FakeRefusal('invalid-rule', 'COMMIT expected')
    return undefined
  } catch (error) {
    if (!(error instanceof FakeRefusal)) throw error
    return { line: number, table: place?.name, refusal: error }
  }
}

/** What nft asks the kernel only at the COMMIT, whose first no counts: whether a chain can go. */
const LATE: readonly string[] = ['chain-not-empty', 'chain-in-use']

/** A refusal that the rest of the table comes before. */
function runLine(place: FakePlace, line: string): FakeRefusal | undefined {
  const command = readFakeCommand(commandWords(line))
  try {
    runFakeCommand(place, command)
    return undefined
  } catch (error) {
    const isLate =
      place.kernel.dialect.backend === 'nft' &&
      error instanceof FakeRefusal &&
      LATE.includes(error.reason)
    if (!isLate) throw error
    const { chain } = command
    if (chain === undefined) return error
    const isEmpty = error.reason === 'chain-not-empty' && refusesAllRules(place, chain)
    // For the lines that follow it is gone.
    place.table.delete(chain)
    return isEmpty ? new FakeRefusal('refused-by-kernel', chain) : error
  }
}

/** `[12:3456] -A …` counts like `-A … -c 12 3456`. */
function commandWords(line: string): readonly string[] {
  const [prefix = '', packets, bytes] = /^\[(\d+):(\d+)\] /.exec(line) ?? []
  const { words } = tokenise(line.slice(prefix.length))
  return packets === undefined || bytes === undefined ? words : [...words, '-c', packets, bytes]
}

function declareChain({ name, table }: FakePlace, declared: Set<string>, line: string): void {
  const [, chain = '', policy = '', packets, bytes] =
    /^:(\S+) (-|ACCEPT|DROP)(?: \[(\d+):(\d+)\])?$/.exec(line) ?? []
  if (chain === '' || declared.has(chain)) throw new FakeRefusal('invalid-rule', line)
  declared.add(chain)
  if (!isBuiltinChain(name, chain)) {
    const known = table.get(chain)
    if (known) known.rules = []
    else table.set(chain, { name: chain, policy: undefined, counters: undefined, rules: [] })
    return
  }
  const builtin = table.get(chain)
  if (builtin === undefined || policy === '-') return
  builtin.policy = policy as 'ACCEPT' | 'DROP'
  builtin.counters = { packets: BigInt(packets ?? 0), bytes: BigInt(bytes ?? 0) }
}
