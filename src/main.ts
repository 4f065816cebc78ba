#!/usr/bin/env node
/**
 * The bin. `--version` is answered from here, with nothing loaded; everything else is a function of
 * the arguments and streams that are handed over, see cli/run.ts.
 *
 * Node takes 5 ms to make its streams, so they are made only where they are needed: for a terminal,
 * for stdin, and for a pipe whose reader does not keep up.
 */
import { fstatSync, writeSync } from 'node:fs'
import manifest from '../package.json' with { type: 'json' }

/** Filled in by the build; a run from the sources has none. */
declare const FWCTL_BUILD: string | undefined

const STREAMS = { 0: 'stdin', 1: 'stdout', 2: 'stderr' } as const
const argv = process.argv.slice(2)
if (argv[0] === '--version' || argv[0] === '-V') openOutput(1).write(`${manifest.version}\n`)
else void start()

async function start(): Promise<void> {
  const { beginEarly, tuneEngine } = await import('./cli/early.ts')
  const uid = process.geteuid?.() ?? -1
  const begun = await beginEarly(argv, uid)
  tuneEngine(argv)
  const { run } = await import('./cli/run.ts')
  process.exitCode = await run({
    argv,
    begun,
    get stdin() {
      return process.stdin
    },
    stdout: openOutput(1),
    stderr: openOutput(2),
    env: process.env,
    isTTY: { stdin: isTerminal(0), stdout: isTerminal(1), stderr: isTerminal(2) },
    columns: isTerminal(1) ? process.stdout.columns : undefined,
    cwd: process.cwd(),
    build: typeof FWCTL_BUILD === 'string' ? FWCTL_BUILD : undefined,
    uid,
    onInterrupt,
  })
}

function isTerminal(fd: keyof typeof STREAMS): boolean {
  const stats = fstatSync(fd)
  const isMemory = stats.rdev >> 8 === 1 // /dev/null
  return stats.isCharacterDevice() && !isMemory && (process[STREAMS[fd]].isTTY ?? false)
}

/** Writes at once, and through Node's stream from where that does not work. */
function openOutput(fd: 1 | 2): { readonly write: (text: string) => void } {
  let stream: NodeJS.WriteStream | undefined
  return {
    write: (text) => {
      let rest = Buffer.from(text)
      try {
        while (stream === undefined && rest.length > 0) rest = rest.subarray(writeSync(fd, rest))
      } catch {
        stream = process[STREAMS[fd]]
        stream.on('error', ignoreBrokenPipe)
      }
      stream?.write(rest)
    },
  }
}

/** `fwctl plan | head`: nobody reads on, and what is under way still has to come to its end. */
function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

/** A lost ssh session (SIGHUP) and a service manager (SIGTERM) are heeded like Ctrl-C. */
function onInterrupt(listener: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, listener)
  return () => {
    for (const signal of signals) process.off(signal, listener)
  }
}
