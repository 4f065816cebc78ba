import { join } from 'node:path'
import type { Context } from './context.ts'

/**
 * Where runs keep what later ones can do without: XDG_CACHE_HOME, else the system's folder for root and
 * the user's own for others. Undefined where nothing is to be kept: with `--no-cache`, and in a run
 * from the sources, whose build nobody knows.
 */
export function cacheFolder({
  env,
  uid,
  build,
  options,
}: Pick<Context, 'env' | 'uid' | 'build' | 'options'>): string | undefined {
  if (build === undefined || options.cache === false) return undefined
  const { XDG_CACHE_HOME, HOME } = env
  const ofUser = HOME === undefined ? undefined : join(HOME, '.cache')
  const base = XDG_CACHE_HOME || (uid === 0 ? '/var/cache' : ofUser)
  return base?.startsWith('/') ? join(base, 'fwctl') : undefined
}
