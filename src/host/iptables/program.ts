import { FwctlError } from '../../base/error.ts'
import { atLeast, type Dialect, type Family } from '../../ruleset/model.ts'
import { type BackendChoice, parseVersion } from '../backend.ts'
import { describeResult, type Executor } from '../executor.ts'

/** The programs of one family, and what their version can do. */
export interface Programs {
  readonly dialect: Dialect
  /** Absolute paths. */
  readonly iptables: string
  readonly save: string
  readonly restore: string
  readonly features: Features
}

export interface Features {
  /** `-C`, since 1.4.11. */
  readonly check: boolean
  /** `--wait`, since 1.4.20; before, the lock has to be taken for it. */
  readonly wait: boolean
  /** `--wait SECONDS`, since 1.6.0. */
  readonly waitSeconds: boolean
  /** `--wait` of iptables-restore, since 1.6.2. */
  readonly restoreWait: boolean
  /** `--random-fully` of SNAT and MASQUERADE, since 1.6.2. */
  readonly randomFully: boolean
}

export function featuresOf(version: Dialect['version']): Features {
  return {
    check: atLeast(version, [1, 4, 11]),
    wait: atLeast(version, [1, 4, 20]),
    waitSeconds: atLeast(version, [1, 6, 0]),
    restoreWait: atLeast(version, [1, 6, 2]),
    randomFully: atLeast(version, [1, 6, 2]),
  }
}

export interface FindOptions {
  readonly family: Family
  /** In place of the usual program; a name or an absolute path. Its `-save` and `-restore` stand beside it. */
  readonly path?: string
  readonly backend: BackendChoice
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Asks the program what it is. Throws FwctlError `missing-program` when there is none of the wanted
 * back end, or when what is there does not say an iptables version.
 */
export async function findPrograms(executor: Executor, options: FindOptions): Promise<Programs> {
  const { family, path, backend, timeoutMs, signal } = options
  const plain = family === 'ipv4' ? 'iptables' : 'ip6tables'
  const names = path ? [path] : backend === 'auto' ? [plain] : [`${plain}-${backend}`, plain]
  let said = `${names.join(' and ')} are not installed on ${executor.label}`
  for (const name of names) {
    const iptables = name.startsWith('/') ? name : await executor.find(name)
    if (iptables === undefined) continue
    const result = await executor.run({ program: iptables, args: ['--version'], timeoutMs, signal })
    const dialect = result.status === 0 ? parseVersion(result.stdout, family) : undefined
    if (dialect === undefined) {
      const answer = result.status === 0 ? JSON.stringify(result.stdout) : describeResult(result)
      said = `${iptables} --version does not say a version of iptables (${answer})`
      continue
    }
    if (backend !== 'auto' && dialect.backend !== backend) {
      said = `${iptables} is the ${dialect.backend} back end, not ${backend}`
      continue
    }
    return {
      dialect,
      iptables,
      save: `${iptables}-save`,
      restore: `${iptables}-restore`,
      features: featuresOf(dialect.version),
    }
  }
  throw new FwctlError('missing-program', `${said}. Nothing was changed.`, {
    details: { reason: 'missing-program', programs: names },
  })
}
