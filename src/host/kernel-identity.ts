import { FwctlError } from '../base/error.ts'
import { describeResult, type Executor } from './executor.ts'

/**
 * Which network namespace of which boot: what is in the kernel is gone with either, and then a
 * journal or a record speaks of rules that nobody has any more.
 */
export async function kernelIdentity(executor: Executor): Promise<string> {
  const [boot, namespace] = await Promise.all([
    executor.readFile('/proc/sys/kernel/random/boot_id'),
    executor.readLink?.(NAMESPACE) ?? askForNamespace(executor),
  ])
  return `${boot?.trim() ?? 'unknown'} ${namespace}`
}

const NAMESPACE = '/proc/self/ns/net'

async function askForNamespace(executor: Executor): Promise<string> {
  const namespace = await executor.run({
    program: 'readlink',
    args: [NAMESPACE],
    timeoutMs: 10_000,
  })
  if (namespace.status === 0) return namespace.stdout.trim()
  throw new FwctlError(
    'command-failed',
    `The network namespace can not be told (${describeResult(namespace)}). Nothing was changed.`,
  )
}
