import { type Diagnostic, hasErrors } from '../base/diagnostic.ts'
import { FwctlError } from '../base/error.ts'
import type { Names } from '../extensions/names.ts'
import { parseSave } from '../iptables/save.ts'
import { type SavedRuleset, saveReader } from '../iptables/save-reader.ts'
import type { Dialect, Family, Ruleset, TableName } from '../ruleset/model.ts'
import {
  type BackendChoice,
  type FamilyTools,
  type HostBackend,
  programStems,
  requireTools,
} from './backend.ts'
import { type BegunRun, newArriving } from './begun-run.ts'
import { type Command, describeResult, type Executor } from './executor.ts'
import { saveCommand } from './save-command.ts'

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
export type BegunDumps = ReadonlyMap<string, BegunDump>

type BegunDump = Pick<BegunRun, 'result' | 'arriving'>

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
  const begun = new Map<string, BegunDump>()
  for (const family of options.families) {
    for (const stem of programStems(family, choice)) {
      const path = await executor.find(`${stem}-save`)
      if (path === undefined) continue
      const dump = beginDump(executor, path, options)
      // Whoever takes it up sees how it ended.
      dump.result.catch(() => undefined)
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
  const known = options.known?.[family]
  const about = { family, dialect: tools.dialect, file: tools.save, names: options.names }
  const dumps = (options.tables ?? [undefined]).map((table) =>
    dumpOf(executor, tools, { ...options, table }),
  )
  const [only] = dumps
  if (known === undefined && dumps.length === 1 && only !== undefined) {
    return readArriving(executor, only, about)
  }
  const texts = await Promise.all(dumps.map((dump) => textOf(executor, dump, about)))
  const text = texts.join('')
  if (known !== undefined && isSameDump(known.text, text)) return known
  return parseLive(text, about)
}

/** Reads a dump line by line while iptables-save still prints it, on another processor. */
async function readArriving(
  executor: Executor,
  dump: BegunDump,
  about: AboutDump,
): Promise<LiveFamily> {
  const reader = saveReader(about)
  let length = 0
  dump.arriving.to((text) => {
    length += text.length
    reader.write(text)
  })
  const text = await textOf(executor, dump, about)
  reader.write(text.slice(length))
  return liveFrom(text, reader.end(), about)
}

/** Within the same second, two dumps of the same rules are the same to the letter. */
function isSameDump(a: string, b: string): boolean {
  return a === b || withoutTimes(a) === withoutTimes(b)
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
  const all = saveCommand(program)
  const args = [...all.args, ...(table === undefined ? [] : ['-t', table])]
  return { ...all, args, signal }
}

/** Of all tables or of one; begun now, or before. */
function dumpOf(
  executor: Executor,
  tools: FamilyTools,
  options: DumpOptions & { readonly begun?: BegunDumps },
): BegunDump {
  const begun = options.table === undefined ? options.begun?.get(tools.save) : undefined
  return begun ?? beginDump(executor, tools.save, options)
}

function beginDump(executor: Executor, program: string, options: DumpOptions): BegunDump {
  const arriving = newArriving()
  const command = { ...dumpCommand(program, options), onOutput: arriving.add }
  return { result: executor.run(command), arriving }
}

/** What a dump is of, and who made it. */
interface AboutDump {
  readonly family: Family
  readonly dialect: Dialect
  /** Its file, or the program. */
  readonly file: string
  readonly names?: Names | undefined
}

/** What iptables-save printed in all. */
async function textOf(
  executor: Executor,
  { result }: BegunDump,
  { family, file }: AboutDump,
): Promise<string> {
  const ended = await result
  if (ended.status === 0) return ended.stdout
  throw new FwctlError(
    isPermissionProblem(ended.stderr) ? 'no-permission' : 'live-unreadable',
    `${file} failed on ${executor.label} (${describeResult(ended)}). Nothing was changed.`,
    { details: { family, status: ended.status, stderr: ended.stderr } },
  )
}

/**
 * A dump as live state, also one from a file. Throws FwctlError `live-unreadable` with the findings
 * in `details.diagnostics`.
 */
export function parseLive(text: string, about: AboutDump): LiveFamily {
  return liveFrom(text, parseSave(text, about), about)
}

function liveFrom(text: string, saved: SavedRuleset, { family, file }: AboutDump): LiveFamily {
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
