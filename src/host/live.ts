import { type Diagnostic, hasErrors } from '../base/diagnostic.ts'
import { FwctlError } from '../base/error.ts'
import type { Names } from '../extensions/names.ts'
import { parseSave } from '../iptables/save.ts'
import type { Dialect, Family, Ruleset, TableName } from '../ruleset/model.ts'
import {
  type BackendChoice,
  type FamilyTools,
  type HostBackend,
  programStems,
  requireTools,
} from './backend.ts'
import { type Command, describeResult, type Executor, type Result } from './executor.ts'

/** What the kernel holds for one family, as read at one moment. */
export interface LiveFamily {
  readonly family: Family
  readonly dialect: Dialect
  /** What iptables-save -c printed, word for word. */
  readonly text: string
  readonly ruleset: Ruleset
  /** Warnings only: what can not be read in full is an error that is thrown. */
  readonly diagnostics: readonly Diagnostic[]
}

/** The families that were asked for. */
export type Live = Readonly<Partial<Record<Family, LiveFamily>>>

export interface ReadLiveOptions {
  readonly families: readonly Family[]
  /** Only these; absent: all. */
  readonly tables?: readonly TableName[]
  /** What was read before: where the dump is still the same, it is not parsed once more. */
  readonly known?: Live
  readonly names?: Names
  /** Dumps of all tables that are being made already. */
  readonly begun?: BegunDumps
  readonly signal?: AbortSignal | undefined
}

/** By the path of the program that makes them. */
export type BegunDumps = ReadonlyMap<string, Promise<Result>>

/** iptables-save of 100,000 rules takes some 10 s on a slow machine. */
const SAVE_TIMEOUT_MS = 120_000

/**
 * Reads what the kernel has now. Throws FwctlError `live-unreadable` whenever that is not certain to
 * be all of it: an incomplete dump that passed for the truth would make fwctl delete or overwrite
 * what it did not see.
 */
export async function readLive(
  executor: Executor,
  backend: HostBackend,
  options: ReadLiveOptions,
): Promise<Live> {
  const read = await Promise.all(
    options.families.map((family) => readFamily(executor, backend, family, options)),
  )
  return Object.fromEntries(read.map((one) => [one.family, one]))
}

/**
 * Begins to read before the back end is known for certain, with the programs that it most likely is:
 * `readLive` takes up those that were right.
 */
export async function beginDumps(
  executor: Executor,
  choice: BackendChoice,
  options: { readonly families: readonly Family[]; readonly signal?: AbortSignal | undefined },
): Promise<BegunDumps> {
  const begun = new Map<string, Promise<Result>>()
  for (const family of options.families) {
    for (const stem of programStems(family, choice)) {
      const path = await executor.find(`${stem}-save`)
      if (path === undefined) continue
      const dump = executor.run(dumpCommand(path, options))
      // Whoever takes it up sees how it ended.
      dump.catch(() => undefined)
      begun.set(path, dump)
      break
    }
  }
  return begun
}

async function readFamily(
  executor: Executor,
  backend: HostBackend,
  family: Family,
  options: ReadLiveOptions,
): Promise<LiveFamily> {
  const tools = requireTools(backend, family)
  const dumps = (options.tables ?? [undefined]).map((table) =>
    dump(executor, tools, { ...options, table }),
  )
  const text = (await Promise.all(dumps)).join('')
  const known = options.known?.[family]
  if (known !== undefined && withoutTimes(known.text) === withoutTimes(text)) return known
  return parseLive(text, { family, dialect: tools.dialect, file: tools.save, ...options })
}

function withoutTimes(dump: string): string {
  return dump.replaceAll(/^# (Generated|Completed) .*$/gm, '')
}

interface DumpOptions {
  /** Absent: all. */
  readonly table?: TableName | undefined
  readonly signal?: AbortSignal | undefined
}

function dumpCommand(program: string, { table, signal }: DumpOptions): Command {
  const args = ['-c', ...(table === undefined ? [] : ['-t', table])]
  return { program, args, timeoutMs: SAVE_TIMEOUT_MS, signal }
}

/** What iptables-save prints, of all tables or of one. */
async function dump(
  executor: Executor,
  tools: FamilyTools,
  options: DumpOptions & { readonly begun?: BegunDumps },
): Promise<string> {
  const { family } = tools.dialect
  const begun = options.table === undefined ? options.begun?.get(tools.save) : undefined
  const result = await (begun ?? executor.run(dumpCommand(tools.save, options)))
  if (result.status !== 0) {
    throw new FwctlError(
      isPermissionProblem(result.stderr) ? 'no-permission' : 'live-unreadable',
      `${tools.save} failed on ${executor.label} (${describeResult(result)}). Nothing was changed.`,
      { details: { family, status: result.status, stderr: result.stderr } },
    )
  }
  return result.stdout
}

/**
 * A dump as live state, also one from a file. Throws FwctlError `live-unreadable` with the findings
 * in `details.diagnostics`.
 */
export function parseLive(
  text: string,
  options: {
    readonly family: Family
    readonly dialect: Dialect
    readonly file: string
    readonly names?: Names
  },
): LiveFamily {
  const { family, dialect, file, names } = options
  const saved = parseSave(text, { family, file, dialect, ...(names ? { names } : {}) })
  if (hasErrors(saved.diagnostics)) {
    const errors = saved.diagnostics.filter((one) => one.severity === 'error')
    const first = errors[0]
    throw new FwctlError(
      'live-unreadable',
      `${file}${first?.line === undefined ? '' : `, line ${first.line}`}: ${first?.message}` +
        `${errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''}. ` +
        'These rules can not be relied on. Nothing was changed.',
      { details: { family, diagnostics: saved.diagnostics } },
    )
  }
  return {
    family,
    dialect: saved.dialect,
    text,
    ruleset: saved.ruleset,
    diagnostics: saved.diagnostics,
  }
}

function isPermissionProblem(stderr: string): boolean {
  return /permission denied|operation not permitted|you must be root/i.test(stderr)
}
