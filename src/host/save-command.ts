import type { Command } from './executor.ts'

/** iptables-save of 100,000 rules takes some 10 s on a slow machine. */
const TIMEOUT_MS = 120_000

/** What reads all tables of a family, with counters; `program` is iptables-save or another of its names. */
export function saveCommand(program: string): Command {
  return { program, args: ['-c'], timeoutMs: TIMEOUT_MS }
}
