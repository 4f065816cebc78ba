// What all bundles have in common, and the one that tests of the sources need too.
import { build } from 'esbuild'

export const BUNDLE = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  // The CommonJS dependencies call require() for Node's own modules.
  banner: {
    js: "import { createRequire as bundleRequire } from 'node:module'; const require = bundleRequire(import.meta.url);",
  },
  legalComments: 'none',
  logLevel: 'warning',
}

/** One file with everything in it: it has to run when nothing else of fwctl is left. */
export async function bundleWatchdog(outfile) {
  await build({
    ...BUNDLE,
    entryPoints: ['src/host/watchdog-main.ts'],
    outfile,
    minify: true,
  })
}
