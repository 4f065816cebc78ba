import { existsSync, readdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { bundleWatchdog } from '../../scripts/bundle.mjs'

const ROOT = join(import.meta.dirname, '../..')
const BUNDLE = join(ROOT, 'dist/watchdog.mjs')

/** The watchdog runs from its bundle, also when fwctl runs from its sources: makes a stale one anew. */
export async function freshWatchdog(): Promise<void> {
  if (existsSync(BUNDLE) && statSync(BUNDLE).mtimeMs >= newestSource()) return
  const temporary = `${BUNDLE}.${process.pid}`
  await bundleWatchdog(temporary)
  renameSync(temporary, BUNDLE)
}

function newestSource(): number {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  return Math.max(...files.map((file) => statSync(join(ROOT, 'src', file)).mtimeMs))
}
