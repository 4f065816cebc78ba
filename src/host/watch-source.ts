/**
 * Tells that something may have changed in the kernel: at once through netlink (`nft monitor`, where
 * iptables is nft and nft is there), else by a look more than once a second. What it tells is only a wake-up;
 * whether anything has changed is for the reader to find out, so a lost message costs a minute, not
 * the host.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { digest } from '../base/digest.ts'
import type { FamilyTools, HostBackend } from './backend.ts'
import type { Executor, FollowedProcess } from './executor.ts'

export type SourceKind = 'netlink' | 'poll'

export interface ChangeSource {
  readonly kind: () => SourceKind
  stop(): Promise<void>
}

export interface SourceOptions {
  readonly onChange: () => void
  /** From netlink to polling, because of this. */
  readonly onDowngrade: (reason: string) => void
}

const POLL_MS = 600
/** Looking takes at most a tenth of the time: 100,000 rules are not dumped every second. */
const REST_FACTOR = 9
const SAVE_TIMEOUT_MS = 120_000
const RETRY_NETLINK_MS = 60_000

export function openSource(
  executor: Executor,
  backend: HostBackend,
  options: SourceOptions,
): ChangeSource {
  const stopped = new AbortController()
  let kind: SourceKind = 'poll'
  let monitor: FollowedProcess | undefined
  const tools = Object.values(backend.families)
  const work = Promise.all([poll(), follow()])
  return {
    kind: () => kind,
    stop: async () => {
      stopped.abort()
      monitor?.stop()
      await work
    },
  }

  async function follow(): Promise<void> {
    if (executor.follow === undefined) return
    if (!tools.some((one) => one.dialect.backend === 'nft')) return
    if ((await executor.find('nft')) === undefined) return
    while (!stopped.signal.aborted) {
      const reason = await followOnce()
      kind = 'poll'
      if (stopped.signal.aborted) return
      options.onDowngrade(reason)
      options.onChange()
      await rest(RETRY_NETLINK_MS)
    }
  }

  async function followOnce(): Promise<string> {
    try {
      monitor = await executor.follow?.({ program: 'nft', args: ['monitor'] }, options.onChange)
      if (monitor === undefined) return 'it can not be followed'
      if (stopped.signal.aborted) monitor.stop()
      // A family that is legacy next to one that is nft is not told of.
      if (tools.every((one) => one.dialect.backend === 'nft')) kind = 'netlink'
      return (await monitor.ended) || 'nft monitor ended'
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  async function poll(): Promise<void> {
    let known: string | undefined
    while (!stopped.signal.aborted) {
      const started = performance.now()
      if (kind === 'poll') {
        const found = await fingerprint(executor, tools).catch(() => undefined)
        if (known !== undefined && found !== known) options.onChange()
        known = found ?? known
      } else known = undefined
      await rest(Math.max(POLL_MS, REST_FACTOR * (performance.now() - started)))
    }
  }

  async function rest(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: stopped.signal }).catch(() => undefined)
  }
}

/** Of all that iptables-save prints, but for times and counters; nothing of it is parsed. */
async function fingerprint(executor: Executor, tools: readonly FamilyTools[]): Promise<string> {
  const dumps = await Promise.all(
    tools.map((one) => executor.run({ program: one.save, args: [], timeoutMs: SAVE_TIMEOUT_MS })),
  )
  return digest(
    dumps.map(({ stdout }) => stdout.replaceAll(/^#.*$|(?<=^:.*)\[\d+:\d+\]$/gm, '')).join('\n'),
  )
}
