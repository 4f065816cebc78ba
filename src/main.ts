#!/usr/bin/env node
/**
 * The bin. `--version` is answered from here, with nothing loaded; everything else is a function of
 * the arguments and streams that are handed over, see cli/run.ts.
 */
import manifest from '../package.json' with { type: 'json' }

const argv = process.argv.slice(2)
if (argv[0] === '--version' || argv[0] === '-V') process.stdout.write(`${manifest.version}\n`)
else await start()

async function start(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreBrokenPipe)
  const { run } = await import('./cli/run.ts')
  process.exitCode = await run({
    argv,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    isTTY: {
      stdin: process.stdin.isTTY ?? false,
      stdout: process.stdout.isTTY ?? false,
      stderr: process.stderr.isTTY ?? false,
    },
    columns: process.stdout.columns,
    cwd: process.cwd(),
    uid: process.geteuid?.() ?? -1,
    onInterrupt,
  })
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
