import { FwctlError } from '../base/error.ts'
import { describeResult, type Executor } from './executor.ts'

/**
 * Which network namespace of which boot: what is in the kernel is gone with either, and then a
 * journal or a record speaks of rules that nobody has any more.
 */
export async function kernelIdentity(executor: Executor): Promise<string> {
  const [boot, namespace] = await Promise.all([
    executor.readFile('/proc/sys/kernel/random/boot_id'),
    executor.run({ program: 'readlink', args: ['/proc/self/ns/net'], timeoutMs: 10_000 }),
  ])
  if (namespace.status === 0) return `${boot?.trim() ?? 'unknown'} ${namespace.stdout.trim()}`
  throw new FwctlError(
    'command-failed',
    `The network namespace can not be told (${describeResult(namespace)}). Nothing was changed.`,
  )
}
