import { FwctlError } from '../base/error.ts'
import { type Live, parseLive, readLive } from '../host/live.ts'
import {
  listSnapshots,
  pruneSnapshots,
  readSnapshot,
  type Snapshot,
  type SnapshotMeta,
} from '../host/snapshots.ts'
import type { StateDir } from '../host/state-dir.ts'
import { type FamilyGoal, makePlan } from '../plan/plan.ts'
import { diffBetween } from '../report/plan-diff.ts'
import { planJson } from '../report/plan-json.ts'
import { plural } from '../report/words.ts'
import { FAMILIES, type Family } from '../ruleset/model.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { openExecutor, openHost, openState } from './host-input.ts'

export async function snapshots(context: Context): Promise<ExitCode> {
  const stateDir = await openState(context, await openExecutor(context))
  switch (context.args[0] ?? 'list') {
    case 'show':
      await show(stateDir, context)
      break
    case 'diff':
      await diff(stateDir, context)
      break
    case 'prune':
      await prune(stateDir, context)
      break
    default:
      await list(stateDir, context)
  }
  return EXIT.done
}

/** Newest last, where the eye is. */
async function list(stateDir: StateDir, { options, print, note }: Context): Promise<void> {
  const ids = await listSnapshots(stateDir)
  const metas = await Promise.all(ids.map(async (id) => (await readSnapshot(stateDir, id)).meta))
  if (options.format === 'json') return print(json(metas))
  if (metas.length === 0) return note(`There are no snapshots in ${stateDir.snapshots}.`)
  print(table(metas.map(({ id, user, host, reason }) => [id, who(user, host), reason])))
}

async function show(stateDir: StateDir, { args, options, print }: Context): Promise<void> {
  const { meta, dumps } = await readSnapshot(stateDir, args[1])
  if (options.format === 'json') return print(json({ ...meta, dumps }))
  const families = FAMILIES.filter(
    (family) => options.family === undefined || options.family === family,
  )
  // What can be loaded again is printed as it is; the rest is comment.
  print(
    about(meta)
      .map((line) => `# ${line}\n`)
      .join(''),
  )
  for (const family of families) {
    const dump = dumps[family]
    if (dump !== undefined) print(`# ${family}, ${meta.families[family]?.backend}\n${dump}`)
  }
}

async function diff(stateDir: StateDir, context: Context): Promise<void> {
  const [, id, other] = context.args
  const before = await readSnapshot(stateDir, id)
  const then = parseDumps(before)
  const after = other === undefined ? undefined : await readSnapshot(stateDir, other)
  const now = after === undefined ? await readNow(before, context) : parseDumps(after)
  const families = FAMILIES.flatMap((family): FamilyGoal[] => {
    const [from, to] = [then[family], now[family]]
    if (from === undefined || to === undefined) return []
    if (context.options.family !== undefined && context.options.family !== family) return []
    return [{ dialect: to.dialect, live: from.ruleset, target: to.ruleset }]
  })
  const plan = makePlan({ families })
  const sides = [before.meta.id, after?.meta.id ?? 'live'] as const
  context.print(context.options.format === 'json' ? planJson(plan) : diffBetween(plan, sides))
}

async function readNow({ meta }: Snapshot, context: Context): Promise<Live> {
  const { backend } = context.options
  const saved = FAMILIES.filter((family) => meta.families[family] !== undefined)
  const then = saved.map((family) => meta.families[family]?.backend)[0] ?? 'auto'
  const host = await openHost(context, backend === 'auto' ? then : backend)
  return readLive(host.executor, host.backend, { families: saved, names: host.names })
}

function parseDumps({ meta, dumps }: Snapshot): Live {
  const live: Partial<Record<Family, Live[Family]>> = {}
  for (const family of FAMILIES) {
    const [saved, dump] = [meta.families[family], dumps[family]]
    if (saved === undefined || dump === undefined) continue
    const dialect = { family, backend: saved.backend, version: saved.version }
    live[family] = parseLive(dump, { family, dialect, file: `snapshot ${meta.id}` })
  }
  return live as Live
}

async function prune(stateDir: StateDir, { options, print, note }: Context): Promise<void> {
  if (options.keep === undefined && options.before === undefined) {
    throw new FwctlError('usage', 'Say which ones: snapshots prune --keep N, or --before DATE.')
  }
  const gone = await pruneSnapshots(stateDir, {
    ...(options.keep === undefined ? {} : { keep: parseCount(options.keep) }),
    ...(options.before === undefined ? {} : { before: parseDate(options.before) }),
  })
  if (options.format === 'json') return print(json(gone))
  print(gone.map((id) => `${id}\n`).join(''))
  note(`Removed ${plural(gone.length, 'snapshot')}.`)
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new FwctlError('usage', `--keep ${text}: give a number from 1.`)
}

function parseDate(text: string): Date {
  const date = new Date(text)
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(date.getTime())) return date
  throw new FwctlError('usage', `--before ${text}: give a day such as 2027-01-31.`)
}

function about(meta: SnapshotMeta): string[] {
  return [
    `snapshot ${meta.id}`,
    `taken ${meta.createdAt} by ${who(meta.user, meta.host)}, before: ${meta.reason}`,
    ...(meta.policyDigest === undefined ? [] : [`policy ${meta.policyDigest}`]),
  ].map((line) => line.replaceAll(/\s+/g, ' '))
}

/** Who did it to another host than the one that they were on is called by both names. */
function who(user: string, host: string): string {
  return user.includes('@') ? `${user} on ${host}` : `${user}@${host}`
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** Columns as wide as their widest cell. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
