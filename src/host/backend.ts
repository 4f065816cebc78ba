import { FwctlError } from '../base/error.ts'
import type { Backend, Dialect, Family } from '../ruleset/model.ts'
import { FAMILIES } from '../ruleset/model.ts'
import type { Executor } from './executor.ts'

/** `auto`: whichever the host's plain `iptables-save` is. */
export type BackendChoice = 'auto' | Backend

/** The programs of one family: both speak `dialect`. */
export interface FamilyTools {
  readonly dialect: Dialect
  /** Absolute paths. */
  readonly save: string
  readonly restore: string
}

/** The host's iptables. A family without tools says why in `missing`. */
export interface HostBackend {
  readonly families: Readonly<Partial<Record<Family, FamilyTools>>>
  readonly missing: Readonly<Partial<Record<Family, string>>>
}

const VERSION_TIMEOUT_MS = 10_000

const PROGRAM: Readonly<Record<Family, string>> = { ipv4: 'iptables', ipv6: 'ip6tables' }

/**
 * Finds iptables-save and iptables-restore of the wanted back end, per family (a host's alternatives
 * may differ between them). Never throws for a family that is not there: `requireTools` does.
 */
export async function detectBackend(
  executor: Executor,
  choice: BackendChoice = 'auto',
): Promise<HostBackend> {
  const families: Partial<Record<Family, FamilyTools>> = {}
  const missing: Partial<Record<Family, string>> = {}
  const host = { executor, versions: new Map<string, Promise<string | undefined>>() }
  await Promise.all(
    FAMILIES.map(async (family) => {
      const tools = await findTools(host, family, choice)
      if (typeof tools === 'string') missing[family] = tools
      else families[family] = tools
    }),
  )
  return { families, missing }
}

/** The tools of a family. Throws FwctlError `missing-program` when the host has none. */
export function requireTools(backend: HostBackend, family: Family): FamilyTools {
  const tools = backend.families[family]
  if (tools) return tools
  throw new FwctlError(
    'missing-program',
    `${backend.missing[family] ?? `There is no ${PROGRAM[family]}.`} ` +
      'Install the iptables package, or leave the family out with `families:` in the policy.',
    { details: { family } },
  )
}

/** `iptables-save v1.8.9 (nf_tables)`; without the bracket (before 1.8) it is legacy. */
export function parseVersion(text: string, family: Family): Dialect | undefined {
  const match = /\bv(\d+)\.(\d+)(?:\.(\d+))?(?:\s+\((\w+)\))?/.exec(text)
  if (!match) return undefined
  const [, major, minor, patch = '0', variant = 'legacy'] = match
  if (variant !== 'legacy' && variant !== 'nf_tables') return undefined
  return {
    family,
    backend: variant === 'nf_tables' ? 'nft' : 'legacy',
    version: [Number(major), Number(minor), Number(patch)],
  }
}

/** The stems of the programs that may be meant, the most likely first: `iptables-nft`. */
export function programStems(family: Family, choice: BackendChoice): readonly string[] {
  const plain = PROGRAM[family]
  return choice === 'auto' ? [plain] : [`${plain}-${choice}`, plain]
}

interface ProbedHost {
  readonly executor: Executor
  /** What programs answered to `--version`, by their files. */
  readonly versions: Map<string, Promise<string | undefined>>
}

async function findTools(
  host: ProbedHost,
  family: Family,
  choice: BackendChoice,
): Promise<FamilyTools | string> {
  const plain = PROGRAM[family]
  for (const stem of programStems(family, choice)) {
    const [save, restore] = await Promise.all([
      probe(host, `${stem}-save`, family),
      probe(host, `${stem}-restore`, family),
    ])
    if (!save || !restore) continue
    if (choice !== 'auto' && save.dialect.backend !== choice) continue
    if (save.dialect.backend !== restore.dialect.backend) {
      return `${save.path} is ${save.dialect.backend} but ${restore.path} is ${restore.dialect.backend}.`
    }
    return { dialect: save.dialect, save: save.path, restore: restore.path }
  }
  return choice === 'auto'
    ? `${plain}-save or ${plain}-restore is not installed.`
    : `${plain}-save and ${plain}-restore of the ${choice} back end are not installed.`
}

async function probe(
  { executor, versions }: ProbedHost,
  program: string,
  family: Family,
): Promise<{ readonly path: string; readonly dialect: Dialect } | undefined> {
  const path = await executor.find(program)
  if (path === undefined) return undefined
  // One file with many names (xtables-nft-multi) has one version: it is asked once.
  const real = (await executor.realPath?.(path)) ?? path
  const file = /\/xtables-[\w-]*multi$/.test(real) ? real : path
  const asked = versions.get(file) ?? askVersion(executor, path)
  versions.set(file, asked)
  const version = await asked
  const dialect = version === undefined ? undefined : parseVersion(version, family)
  return dialect && { path, dialect }
}

async function askVersion(executor: Executor, path: string): Promise<string | undefined> {
  const result = await executor.run({
    program: path,
    args: ['--version'],
    timeoutMs: VERSION_TIMEOUT_MS,
  })
  return result.status === 0 ? result.stdout : undefined
}
