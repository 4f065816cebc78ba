/** A stand-in for iptables in the tests of programs that use `IPTables`. */
import { BUILTIN_NAMES } from '../../extensions/builtin-names.ts'
import { parseSave, printSave } from '../../iptables/save.ts'
import { type Backend, type Dialect, FAMILIES, type Family } from '../../ruleset/model.ts'
import type { Command, Executor, Result } from '../executor.ts'
import { IPTables } from './client.ts'
import { callFailure } from './failure.ts'
import { fakeExecutor } from './fake-executor.ts'
import { type FakeKernel, loadRuleset, toRuleset } from './fake-kernel.ts'
import { refusalMessage } from './fake-messages.ts'
import type { Reason } from './reason.ts'

export interface FakeIPTablesOptions {
  /** Default `ipv4`. */
  readonly family?: Family
  /** Default `nft`. */
  readonly backend?: Backend
  /** What it says it is; default 1.8.9. */
  readonly version?: Dialect['version']
  /** iptables-save text of what is there at the start. */
  readonly live?: string
}

/** The real client on a kernel that is only memory, and a view of it. */
export interface FakeIPTables extends IPTables {
  /** For all that takes an executor: a second client, `readLive`, `detectBackend`. */
  readonly executor: Executor
  /** Everything that was run, in order: program and arguments. */
  readonly commands: readonly (readonly string[])[]
  /** What iptables-save -c would print. */
  dump(): string
  /**
   * The next command fails, or the next one that holds the given word, as iptables would say it for
   * that reason. Nothing of it is done.
   */
  failNext(reason: Reason, word?: string): void
}

/** `const ipt = await FakeIPTables.create({ live: '*filter\n…' })` */
export const FakeIPTables: {
  /** Throws FwctlError when `live` is no iptables-save text. */
  create(options?: FakeIPTablesOptions): Promise<FakeIPTables>
} = {
  create: async (options = {}) => {
    const { family = 'ipv4', backend = 'nft', version = [1, 8, 9], live = '' } = options
    const kernels = Object.fromEntries(
      FAMILIES.map((one) => [one, newKernel({ family: one, backend, version })]),
    ) as Record<Family, FakeKernel>
    const kernel = kernels[family]
    load(kernel, live)
    const commands: (readonly string[])[] = []
    const failures: { readonly reason: Reason; readonly word: string | undefined }[] = []
    const executor = fakeExecutor(kernels, (command) => {
      commands.push([command.program, ...command.args])
      return takeFailure(failures, command, backend)
    })
    const client = await IPTables.create({ family, executor })
    commands.length = 0
    return {
      ...client,
      executor,
      commands,
      dump: () => printSave(toRuleset(kernel)),
      failNext: (reason, word) => {
        failures.push({ reason, word })
      },
    }
  },
}

function newKernel(dialect: Dialect): FakeKernel {
  return { dialect, names: BUILTIN_NAMES, tables: new Map() }
}

function load(kernel: FakeKernel, live: string): void {
  const { dialect, names } = kernel
  const { ruleset, diagnostics } = parseSave(live, { family: dialect.family, dialect, names })
  const [error] = diagnostics
  if (error) throw callFailure('invalid-rule', `The given state is no dump: ${error.message}`)
  loadRuleset(kernel, ruleset)
}

function takeFailure(
  failures: { readonly reason: Reason; readonly word: string | undefined }[],
  { program, args, input = '' }: Command,
  backend: Backend,
): Result | undefined {
  const words = [...args, ...input.split(/\s+/)]
  const at = failures.findIndex(({ word }) => word === undefined || words.includes(word))
  const [failure] = at < 0 ? [] : failures.splice(at, 1)
  if (failure === undefined) return undefined
  const name = program.slice(program.lastIndexOf('/') + 1)
  return {
    stdout: '',
    ...refusalMessage({ reason: failure.reason, subject: 'failNext' }, { name, backend }),
  }
}
