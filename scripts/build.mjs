// Bundles the bin and the library into dist/. Code splitting keeps every lazy import() lazy, so the
// bin starts with src/main.ts alone and loads a verb with what that verb needs.
import { execFileSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { BUNDLE, bundleWatchdog } from './bundle.mjs'

process.chdir(join(import.meta.dirname, '..'))
rmSync('dist', { recursive: true, force: true })

await bundleWatchdog('dist/watchdog.mjs')
const { metafile } = await build({
  ...BUNDLE,
  entryPoints: ['src/main.ts', 'src/index.ts'],
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  splitting: true,
  metafile: true,
})
chmodSync('dist/main.js', 0o755)
writeFileSync('dist/THIRD-PARTY-LICENSES.txt', thirdPartyLicenses(Object.keys(metafile.inputs)))
execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' })

/** The licence texts of the bundled packages: their terms ask to be shipped along. */
function thirdPartyLicenses(inputs) {
  const folders = new Set(
    inputs.flatMap((path) => path.match(/^.*node_modules\/(@[^/]+\/)?[^/]+/)?.[0] ?? []),
  )
  return [...folders].sort().map(licenseOf).join('\n')
}

function licenseOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
  const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8')
  return `${name} ${version} (${license})\n\n${text}\n${'-'.repeat(80)}\n`
}
