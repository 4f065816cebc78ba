import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import type { RunInput } from '../../src/cli/context.ts'
import { run } from '../../src/cli/run.ts'
import { VERBS, type Verb } from '../../src/cli/verb-table.ts'

export interface CliResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a command line in process, away from any terminal and with nothing in its environment. Throws,
 * before anything is run, for one that would reach the firewall or the units of this machine.
 */
export async function runCli(
  argv: readonly string[],
  options: { readonly stdin?: string | Readable } & Partial<Omit<RunInput, 'argv' | 'stdin'>> = {},
): Promise<CliResult> {
  refuseOwnHost(argv)
  const { stdin = '', ...rest } = options
  const out = collect()
  const err = collect()
  const code = await run({
    argv,
    stdin:
      typeof stdin === 'string' ? Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]) : stdin,
    stdout: out.stream,
    stderr: err.stream,
    env: {},
    isTTY: { stdin: false, stdout: false, stderr: false },
    cwd: process.cwd(),
    uid: process.geteuid?.() ?? -1,
    ...rest,
  })
  return { code, stdout: out.text(), stderr: err.text() }
}

/** Undefined: the command line names none. Options may stand before it. */
export function verbOf(argv: readonly string[]): Verb | undefined {
  return argv.map((word) => VERBS.find((verb) => verb.name === word)).find(Boolean)
}

/** Without these a verb means the machine that it is run on. */
function refuseOwnHost(argv: readonly string[]): void {
  const has = (...options: string[]): boolean => options.some((option) => argv.includes(option))
  const verb = verbOf(argv)
  if (verb === undefined || has('--help')) return
  const isElsewhere = verb.shared.includes('netns')
    ? has('--netns', '--container', '--host', '--live4', '--live6')
    : !WRITES_UNITS.includes(verb.name) || has('--root')
  if (isElsewhere) return
  throw new Error(`this test would run "${argv.join(' ')}" on the machine itself`)
}

const WRITES_UNITS = ['install', 'uninstall']

/** A folder that is gone at the end of the test. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'fwctl-test-'))
  // A watchdog that has just put everything back may still be writing that down.
  const options = { recursive: true, force: true, maxRetries: 20, retryDelay: 50 } as const
  return { path, [Symbol.dispose]: () => rmSync(path, options) }
}

function collect(): { readonly stream: Writable; readonly text: () => string } {
  const chunks: Buffer[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(Buffer.from(chunk))
      done()
    },
  })
  return { stream, text: () => Buffer.concat(chunks).toString() }
}
