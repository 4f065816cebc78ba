// Builds dist/: the library as ES modules with types, and the bin. The bin is main.cjs, which starts
// as fast as Node, and cli.cjs with everything else, which is run with a code cache (see
// src/cli/code-cache.ts). Both are CommonJS, which Node loads faster, and whose modules esbuild runs
// when they are first needed: a lazy import() stays lazy.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { build } from 'esbuild'
import { BUNDLE, bundleWatchdog } from './bundle.mjs'
import { modulesEntry, otherParts, planParts } from './parts.mjs'

const COMMON_JS = {
  format: 'cjs',
  banner: {},
  // The shorter, the faster it is read. Names stay, for the stack of a bug report.
  minifySyntax: true,
  minifyWhitespace: true,
  // There is none in a script: esbuild makes it a require().
  supported: { 'dynamic-import': false },
}

const IMPORT_META = { define: { 'import.meta.url': 'bundleUrl' } }

/** The schemas are shipped anyway: `fwctl schema` reads them from there. */
const schemasBeside = {
  name: 'schemas-beside',
  setup: ({ onResolve }) => {
    onResolve({ filter: /schemas\/.*\.json$/ }, ({ path }) => ({
      path: `../schemas/${basename(path)}`,
      external: true,
    }))
  },
}

/** Large packages that many verbs do without: bundles of their own. */
const PACKAGES_APART = ['execa', 'pino', 'yaml']
/** Modules of Node that take milliseconds to load, and that most verbs import but few use. */
const HEAVY_MODULES = [
  'child_process',
  'crypto',
  'fs/promises',
  'os',
  'worker_threads',
  'zlib',
].map((name) => `node:${name}`)

/** Has them loaded when something of them is used. What is imported lazily anyway is loaded then. */
const lazyImports = {
  name: 'lazy-imports',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^[\w:/]+$/ }, ({ path, kind }) => {
      const apart = PACKAGES_APART.includes(path)
      if (!apart && !HEAVY_MODULES.includes(path)) return undefined
      const name = apart ? `./${path}.cjs` : path
      return { path: kind === 'dynamic-import' ? name : `lazy:${name}`, external: true }
    })
  },
}

/** The same in an ES module, whose imports can not wait: a module that is loaded when it is used. */
const lazyInLibrary = {
  name: 'lazy-in-library',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /./ }, ({ path, namespace }) => {
      if (namespace === 'lazy') return { path, external: true }
      const isLazy = PACKAGES_APART.includes(path) || HEAVY_MODULES.includes(path)
      return isLazy ? { path, namespace: 'lazy' } : undefined
    })
    onLoad({ filter: /./, namespace: 'lazy' }, async ({ path }) => {
      const place = PACKAGES_APART.includes(path) ? `./${path}.cjs` : path
      const names = Object.keys(await import(path))
      const getters = names.map((name) => `get ${name}() { return load().${name} }`)
      return {
        contents: `
          let loaded
          const load = () => (loaded ??= require('${place}'))
          module.exports = { ${getters.join(', ')} }`,
      }
    })
  },
}

process.chdir(join(import.meta.dirname, '..'))
rmSync('dist', { recursive: true, force: true })

await bundleWatchdog('dist/watchdog.mjs')
const inputs = [...(await bundleLibrary()), ...(await bundleBin())]
writeFileSync('dist/THIRD-PARTY-LICENSES.txt', thirdPartyLicenses(inputs))
execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' })

/**
 * Half of the time that a program takes to import the library went into packages and modules of Node that
 * it then did not use.
 */
async function bundleLibrary() {
  const { metafile } = await build({
    ...BUNDLE,
    entryPoints: ['src/index.ts', 'src/client.ts'],
    outdir: 'dist',
    // Beside them, where the packages are that it loads late.
    chunkNames: 'shared-[hash]',
    splitting: true,
    minifySyntax: true,
    minifyWhitespace: true,
    plugins: [lazyInLibrary],
    metafile: true,
  })
  return Object.keys(metafile.inputs)
}

async function bundleBin() {
  const common = [schemasBeside, lazyImports]
  const parts = await planParts({ ...BUNDLE, ...COMMON_JS, ...IMPORT_META, plugins: common })
  const { stdin } = modulesEntry(parts.asked.cli)
  const contents = `export { run } from './src/cli/run.ts'\n${stdin.contents}`
  const entries = {
    cli: { stdin: { ...stdin, contents } },
    verbs: modulesEntry(parts.asked.verbs),
    rules: modulesEntry(parts.asked.rules),
  }
  const bundles = Object.entries(entries).map(([part, entry]) =>
    bundleScript(part, entry, [...common, otherParts(part, parts)]),
  )
  const packages = PACKAGES_APART.map((name) => bundleScript(name, { entryPoints: [name] }))
  const made = await Promise.all([...bundles, ...packages])
  const digest = createHash('sha256')
    .update(made.map(({ text }) => text).join(''))
    .digest('hex')
  await build({
    ...BUNDLE,
    ...COMMON_JS,
    entryPoints: ['src/main.ts'],
    outfile: 'dist/main.cjs',
    define: { FWCTL_BUILD: `'${digest.slice(0, 16)}'` },
    plugins: [throughCodeCache(digest.slice(0, 16))],
  })
  chmodSync('dist/main.cjs', 0o755)
  return made.flatMap(({ inputs }) => inputs)
}

/** `bundleUrl` is handed in by loadBundle. */
async function bundleScript(name, entry, plugins = []) {
  const outfile = `dist/${name}.cjs`
  const { metafile } = await build({
    ...BUNDLE,
    ...COMMON_JS,
    ...entry,
    outfile,
    ...IMPORT_META,
    plugins,
    metafile: true,
  })
  return { inputs: Object.keys(metafile.inputs), text: readFileSync(outfile, 'utf8') }
}

/** What main.ts imports lazily it gets from the bundle. */
function throughCodeCache(build) {
  const loader = resolve('src/cli/code-cache.ts')
  return {
    name: 'through-code-cache',
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /\/cli\/run\.ts$/ }, ({ path }) => ({ path, namespace: 'bundle' }))
      onLoad({ filter: /./, namespace: 'bundle' }, () => ({
        contents: `
          const { loadBundle } = require(${JSON.stringify(loader)})
          const path = require('node:path').join(__dirname, 'cli.cjs')
          module.exports = loadBundle({ path, build: '${build}', verb: process.argv[2], require })`,
        resolveDir: process.cwd(),
      }))
    },
  }
}

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
