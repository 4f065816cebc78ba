import { readFile } from 'node:fs/promises'

/** A moment that no change of the wall clock moves. */
export interface BootTime {
  /** Of the boot that the seconds count from. */
  readonly bootId: string
  /** Since boot, time spent suspended included: a laptop that slept past a deadline is past it. */
  readonly seconds: number
}

/** The time on the machine that fwctl itself runs on. */
export async function readBootTime(): Promise<BootTime> {
  const [uptime, bootId] = await Promise.all([
    readFile('/proc/uptime', 'utf8'),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
  ])
  return { bootId: bootId.trim(), seconds: Number(uptime.split(' ')[0]) }
}
