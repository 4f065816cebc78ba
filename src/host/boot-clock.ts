import { FwctlError } from '../base/error.ts'
import type { Executor } from './executor.ts'

/** A moment that no change of the wall clock moves. */
export interface BootTime {
  /** Of the boot that the seconds count from. */
  readonly bootId: string
  /** Since boot, time spent suspended included: a laptop that slept past a deadline is past it. */
  readonly seconds: number
}

/** The time on the machine of the executor. Throws FwctlError `command-failed`. */
export async function readBootTime(executor: Pick<Executor, 'readFile'>): Promise<BootTime> {
  const [uptime, bootId] = await Promise.all([
    executor.readFile('/proc/uptime'),
    executor.readFile('/proc/sys/kernel/random/boot_id'),
  ])
  const seconds = Number.parseFloat(uptime ?? '')
  if (bootId !== undefined && Number.isFinite(seconds)) return { bootId: bootId.trim(), seconds }
  throw new FwctlError('command-failed', 'The time since boot can not be read from /proc/uptime.')
}
