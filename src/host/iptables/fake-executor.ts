/** An executor whose host has nothing but iptables, of which it is the kernel. */
import { FwctlError } from '../../base/error.ts'
import { printSave } from '../../iptables/save.ts'
import { tokenise } from '../../iptables/tokenise.ts'
import type { Family, Rule, TableName } from '../../ruleset/model.ts'
import type { Command, Executor, Result } from '../executor.ts'
import {
  chainsInOrder,
  commitFakeTable,
  copyTable,
  type FakeChain,
  type FakeKernel,
  FakeRefusal,
  openTable,
  runFakeCommand,
  toRuleset,
} from './fake-kernel.ts'
import { refusalMessage, restoreMessage } from './fake-messages.ts'
import { runFakeRestore } from './fake-restore.ts'
import { type FakeInvocation, readFakeInvocation } from './fake-words.ts'

const PROGRAM = /^(?:.*\/)?(ip6?tables)(?:-nft|-legacy)?(-save|-restore)?$/

/** Runs what is asked of it, unless `intercept` has an answer of its own. */
export function fakeExecutor(
  kernels: Readonly<Record<Family, FakeKernel>>,
  intercept: (command: Command) => Result | undefined,
): Executor {
  return {
    label: 'a fake host',
    stateKey: 'fake',
    find: async (program) => (PROGRAM.test(program) ? `/usr/sbin/${program}` : undefined),
    readFile: async () => undefined,
    run: async (command) => {
      if (command.signal?.aborted) {
        throw new FwctlError('cancelled', `Cancelled before ${command.program} was run.`)
      }
      return intercept(command) ?? interpret(kernels, withoutLock(command))
    },
    hold: async ({ program }) => {
      throw noProgram(program)
    },
  }
}

/** `flock … FILE PROGRAM`, which is how the lock is taken for old versions. */
function withoutLock(command: Command): Command {
  const at = command.args.findIndex((word) => word.endsWith('.lock'))
  if (!command.program.endsWith('flock') || at < 0) return command
  const [program = '', ...args] = command.args.slice(at + 1)
  return { ...command, program, args }
}

function interpret(kernels: Readonly<Record<Family, FakeKernel>>, command: Command): Result {
  const [, plain, kind] = PROGRAM.exec(command.program) ?? []
  if (plain === undefined) {
    throw noProgram(command.program)
  }
  const kernel = kernels[plain === 'iptables' ? 'ipv4' : 'ipv6']
  const { backend, version } = kernel.dialect
  const name = `${plain}${kind ?? ''}`
  if (command.args.includes('--version')) {
    const mode = backend === 'nft' ? 'nf_tables' : 'legacy'
    const brackets = version[0] === 1 && version[1] < 8 ? '' : ` (${mode})`
    return done(`${name} v${version.join('.')}${brackets}\n`)
  }
  if (kind === '-save') return done(save(kernel, command.args))
  if (kind === '-restore') {
    const stop = runFakeRestore(kernel, command.input ?? '')
    if (stop === undefined) return done('')
    return { stdout: '', ...restoreMessage(stop.refusal, { name, backend, line: stop.line }) }
  }
  try {
    return done(runCommandLine(kernel, readFakeInvocation(command.args)))
  } catch (error) {
    if (!(error instanceof FakeRefusal)) throw error
    return { stdout: '', ...refusalMessage(error, { name, backend }) }
  }
}

function noProgram(program: string): FwctlError {
  return new FwctlError('missing-program', `A fake host has no ${program}.`)
}

function done(stdout: string): Result {
  return { status: 0, stdout, stderr: '' }
}

function runCommandLine(kernel: FakeKernel, invocation: FakeInvocation): string {
  const name = invocation.table as TableName
  const table = openTable(kernel, name)
  if (invocation.flag === '-S') return list({ kernel, name }, invocation)
  const place = { kernel, name, table: copyTable(table) }
  runFakeCommand(place, invocation)
  // Asking changes nothing; everything else is one commit.
  if (invocation.flag !== '-C') commitFakeTable(place)
  return ''
}

function list(
  { kernel, name }: { readonly kernel: FakeKernel; readonly name: TableName },
  { chain, position, verbose }: FakeInvocation,
): string {
  const all = chainsInOrder(name, openTable(kernel, name))
  const chains = chain === undefined ? all : all.filter((one) => one.name === chain)
  if (chains.length === 0) throw new FakeRefusal('chain-not-found', chain ?? '')
  const heads = position === undefined ? chains.map((one) => headLine(one, verbose)) : []
  const rules = chains.flatMap((one) => {
    const only = position === undefined ? one.rules : one.rules.slice(position - 1, position)
    return only.map((rule) =>
      `-A ${one.name} ${verbose ? withCounters(rule) : rule.text}`.trimEnd(),
    )
  })
  return [...heads, ...rules].map((line) => `${line}\n`).join('')
}

function headLine({ name, policy, counters }: FakeChain, verbose: boolean): string {
  if (policy === undefined) return `-N ${name}`
  const count = verbose ? ` -c ${counters?.packets ?? 0} ${counters?.bytes ?? 0}` : ''
  return `-P ${name} ${policy}${count}`
}

/** Before the target; a comment may look like one. */
function withCounters({ text, spec, counters }: Rule): string {
  const count = `-c ${counters?.packets ?? 0} ${counters?.bytes ?? 0}`
  const { words, starts } = tokenise(text)
  const at = words.findLastIndex(
    (word, i) => /^-[jg]$/.test(word) && words[i + 1] === spec.target?.name,
  )
  if (at < 0) return `${text} ${count}`.trimStart()
  const start = starts[at] as number
  return `${text.slice(0, start)}${count} ${text.slice(start)}`
}

function save(kernel: FakeKernel, args: readonly string[]): string {
  const at = args.indexOf('-t')
  const only = at < 0 ? undefined : args[at + 1]
  if (only !== undefined) openTable(kernel, only)
  const ruleset = toRuleset(kernel)
  const withCounts = args.includes('-c')
  return printSave({
    ...ruleset,
    tables: ruleset.tables
      .filter((table) => only === undefined || table.name === only)
      .map((table) => ({
        ...table,
        chains: table.chains.map((chain) => ({
          ...chain,
          counters: chain.counters ?? { packets: 0n, bytes: 0n },
          rules: withCounts
            ? chain.rules
            : chain.rules.map(({ text, key, spec }) => ({ text, key, spec })),
        })),
      })),
  })
}
