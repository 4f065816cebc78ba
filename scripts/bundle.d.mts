import type { BuildOptions } from 'esbuild'

export const BUNDLE: BuildOptions
export function bundleWatchdog(outfile: string): Promise<void>
