import { FwctlError } from '../base/error.ts'
import { FAMILIES } from '../ruleset/model.ts'
import { type BackendChoice, detectBackend, type HostBackend } from './backend.ts'
import type { Executor } from './executor.ts'
import { readJournal } from './journal.ts'
import { readLive } from './live.ts'
import { findMixedBackends } from './mixed-backends.ts'
import { findNativeRules } from './native-rules.ts'
import { runRestore } from './restore.ts'
import { openScratchNamespace } from './scratch-namespace.ts'
import { defaultStateDir, requireTrustedDir, stateDirPaths } from './state-dir.ts'

/** One thing that fwctl needs of a host. */
export interface Check {
  readonly name: string
  /** `warn`: it works, with less certainty or comfort. `fail`: apply will not work. */
  readonly status: 'ok' | 'warn' | 'fail'
  /** What was found. */
  readonly detail: string
  /** What to do about it; absent when all is well. */
  readonly remedy?: string
}

export interface DoctorOptions {
  readonly backend?: BackendChoice
  readonly stateDir?: string
}

const OLDEST_NODE = [20, 19] as const
const CAPABILITIES: readonly (readonly [string, bigint])[] = [
  ['CAP_NET_ADMIN', 12n],
  ['CAP_NET_RAW', 13n],
  ['CAP_SYS_ADMIN', 21n],
]
const PACKAGES: readonly (readonly [program: string, why: string, packageName: string])[] = [
  ['flock', 'holds the locks', 'util-linux'],
  ['unshare', 'makes the namespace for rehearsals', 'util-linux'],
  ['nsenter', 'enters it', 'util-linux'],
  ['ipset', 'copies the sets that a rehearsal needs', 'ipset'],
  ['nft', 'finds rules that iptables-save misprints', 'nftables'],
]
const REQUIRED = ['flock']

/** Looks at a host and changes nothing on it. Never throws: what goes wrong is a check that failed. */
export async function examineHost(
  executor: Executor,
  options: DoctorOptions = {},
): Promise<readonly Check[]> {
  const backend = await detectBackend(executor, options.backend)
  const checks = await Promise.all([
    [checkNode(process.versions.node)],
    [await attempt('rights', () => checkRights(executor))],
    await checkPrograms(executor),
    checkBackend(backend),
    [await attempt('live rules', () => checkLive(executor, backend))],
    [await attempt('mixed back ends', () => checkMixed(executor, backend))],
    [await attempt('native rules', () => checkNative(executor, backend))],
    [await attempt('IPv6', () => checkIpv6(executor))],
    [await attempt('rehearsal', () => checkRehearsal(executor, backend))],
    [await attempt('state directory', () => checkState(executor, options))],
  ])
  return checks.flat()
}

async function attempt(name: string, check: () => Promise<Check>): Promise<Check> {
  try {
    return await check()
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    const remedy =
      error instanceof FwctlError && error.code === 'no-permission'
        ? 'run fwctl as root'
        : 'see the message'
    return { name, status: 'fail', detail, remedy }
  }
}

function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldMajor, oldMinor] = OLDEST_NODE
  const isOld = major < oldMajor || (major === oldMajor && minor < oldMinor)
  return isOld
    ? {
        name: 'Node',
        status: 'fail',
        detail: version,
        remedy: `use Node ${OLDEST_NODE.join('.')} or newer`,
      }
    : { name: 'Node', status: 'ok', detail: version }
}

async function checkRights(executor: Executor): Promise<Check> {
  const status = await executor.run({
    program: 'cat',
    args: ['/proc/self/status'],
    timeoutMs: 10_000,
  })
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status.stdout)?.[1] ?? '0'}`)
  const missing = CAPABILITIES.filter(([, bit]) => ((mask >> bit) & 1n) === 0n).map(
    ([name]) => name,
  )
  if (missing.length === 0) {
    return { name: 'rights', status: 'ok', detail: 'all capabilities that are needed' }
  }
  const isFatal = missing.includes('CAP_NET_ADMIN')
  return {
    name: 'rights',
    status: isFatal ? 'fail' : 'warn',
    detail: `without ${missing.join(', ')}`,
    remedy: isFatal
      ? 'run fwctl as root; without, it can still plan from --live4 and --live6'
      : 'run fwctl as root, so that it can rehearse',
  }
}

async function checkPrograms(executor: Executor): Promise<readonly Check[]> {
  return Promise.all(
    PACKAGES.map(async ([program, why, packageName]): Promise<Check> => {
      const path = await executor.find(program)
      if (path !== undefined) return { name: program, status: 'ok', detail: path }
      return {
        name: program,
        status: REQUIRED.includes(program) ? 'fail' : 'warn',
        detail: `not installed; it ${why}`,
        remedy: `install ${packageName}`,
      }
    }),
  )
}

function checkBackend(backend: HostBackend): readonly Check[] {
  return FAMILIES.map((family): Check => {
    const tools = backend.families[family]
    const name = family === 'ipv4' ? 'iptables' : 'ip6tables'
    if (tools) {
      const { dialect, save } = tools
      return {
        name,
        status: 'ok',
        detail: `${dialect.version.join('.')}, ${dialect.backend} back end, ${save}`,
      }
    }
    return {
      name,
      status: 'fail',
      detail: backend.missing[family] ?? 'not installed',
      remedy: 'install iptables, or choose with --backend',
    }
  })
}

async function checkLive(executor: Executor, backend: HostBackend): Promise<Check> {
  const families = FAMILIES.filter((family) => backend.families[family])
  const live = await readLive(executor, backend, { families })
  const counts = families.map((family) => {
    const chains = live[family]?.ruleset.tables.flatMap((table) => table.chains) ?? []
    return `${chains.reduce((sum, chain) => sum + chain.rules.length, 0)} ${family} rules`
  })
  return { name: 'live rules', status: 'ok', detail: counts.join(', ') }
}

async function checkMixed(executor: Executor, backend: HostBackend): Promise<Check> {
  const [first, ...rest] = await findMixedBackends(executor, backend)
  const name = 'mixed back ends'
  if (!first) return { name, status: 'ok', detail: 'only one holds rules' }
  const detail = [first, ...rest].map((one) => one.message).join('; ')
  return { name, status: 'warn', detail, remedy: first.hint ?? 'flush one of them' }
}

async function checkNative(executor: Executor, backend: HostBackend): Promise<Check> {
  const name = 'native rules'
  const families = FAMILIES.filter((one) => backend.families[one]?.dialect.backend === 'nft')
  const live = await readLive(executor, backend, { families })
  const tables = families.flatMap((family) =>
    (live[family]?.ruleset.tables ?? []).map((table) => ({ family, table: table.name })),
  )
  const { checked, rules } = await findNativeRules(executor, tables)
  if (!checked) {
    return { name, status: 'warn', detail: 'not looked for', remedy: 'install nftables' }
  }
  const [first] = rules
  if (!first) return { name, status: 'ok', detail: 'none that iptables-save would misprint' }
  return {
    name,
    status: 'warn',
    detail:
      `${rules.length} that iptables-save misprints, the first in ${first.family} ` +
      `${first.table} ${first.chain}`,
    remedy: 'move them into a table of their own (nft), so that fwctl can manage the chain',
  }
}

async function checkIpv6(executor: Executor): Promise<Check> {
  const flag = await executor.run({
    program: 'cat',
    args: ['/proc/sys/net/ipv6/conf/all/disable_ipv6'],
    timeoutMs: 10_000,
  })
  const isOff = flag.status !== 0 || flag.stdout.trim() === '1'
  return {
    name: 'IPv6',
    status: 'ok',
    detail: isOff ? 'switched off here; its rules are managed all the same' : 'on',
  }
}

async function checkRehearsal(executor: Executor, backend: HostBackend): Promise<Check> {
  const name = 'rehearsal'
  const scratch = await openScratchNamespace(executor)
  if ('reason' in scratch) {
    const remedy = 'run fwctl as root, or allow user namespaces'
    return { name, status: 'warn', detail: scratch.reason, remedy }
  }
  try {
    for (const tools of Object.values(backend.families)) {
      const outcome = await runRestore(scratch.executor, tools, {
        text: '*filter\n-A INPUT -j ACCEPT\nCOMMIT\n',
        noflush: true,
        lockFile: scratch.lockFile,
      })
      if (outcome.kind === 'done') continue
      return {
        name,
        status: 'fail',
        detail: `${tools.restore} can not load a rule: ${outcome.message}`,
        remedy: 'load the kernel modules of netfilter (modprobe ip_tables nf_tables)',
      }
    }
    return { name, status: 'ok', detail: 'a scratch network namespace takes rules' }
  } finally {
    await scratch.close()
  }
}

async function checkState(executor: Executor, options: DoctorOptions): Promise<Check> {
  const name = 'state directory'
  const uid = process.geteuid?.() ?? 0
  const root = options.stateDir ?? defaultStateDir({ uid, env: process.env })
  const paths = stateDirPaths(root, executor)
  await requireTrustedDir(root, paths)
  const journal = await readJournal(paths)
  if (journal === undefined) return { name, status: 'ok', detail: paths.path }
  return {
    name,
    status: 'warn',
    detail: `the apply that began at ${journal.startedAt} was cut short`,
    remedy: 'the next apply or rollback finishes or undoes it first',
  }
}
