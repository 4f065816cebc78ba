// The bin in bundles that share their modules: what most runs need, and what few do. Each module is in one
// of them only.
import { relative, resolve } from 'node:path'
import { build } from 'esbuild'

/** What is loaded at once: these, and all that they import unconditionally, but for the rules part. */
const HOT = ['run', 'full-line', 'plan', 'validate'].map((name) => `src/cli/${name}.ts`)

/**
 * What reads, checks and writes rules and policies: half of fwctl, and a command that finds a policy it
 * knows, on a host that is as it should be, does without.
 */
function isRulesPart(path) {
  return /^src\/(extensions|net|ipset|iptables|policy)\//.test(path) && !LIGHT.has(path)
}

const LIGHT = new Set([
  'src/extensions/builtin-names.ts',
  'src/iptables/faithful.ts',
  'src/iptables/piece-cache.ts',
  'src/iptables/restore-lines.ts',
  'src/iptables/save-reader.ts',
  'src/iptables/save.ts',
  'src/iptables/saved-rule.ts',
  'src/policy/asked.ts',
  'src/policy/compiled-rule.ts',
  'src/policy/compiled-text.ts',
  'src/policy/files.ts',
  'src/policy/policy.ts',
  'src/policy/references.ts',
  'src/policy/set-rules.ts',
])

/** Which module goes where: `cli` comes first, `verbs` and `rules` when something of them is needed. */
export async function planParts(options) {
  const { metafile } = await build({
    ...options,
    entryPoints: ['src/cli/run.ts'],
    write: false,
    metafile: true,
  })
  const imports = (path) => (metafile.inputs[path]?.imports ?? []).filter((one) => !one.external)
  const paths = Object.keys(metafile.inputs)
  const rules = paths.filter(isRulesPart)
  // What the rules part needs of the rest is not worth a bundle of its own.
  const needed = rules.flatMap((path) => imports(path).map((one) => one.path))
  const hot = new Set()
  const reach = (path) => {
    if (hot.has(path) || isRulesPart(path)) return
    hot.add(path)
    for (const one of imports(path)) if (one.kind !== 'dynamic-import') reach(one.path)
  }
  for (const path of [...HOT, ...needed]) reach(path)
  const partOf = (path) => (isRulesPart(path) ? 'rules' : hot.has(path) ? 'cli' : 'verbs')
  const asked = { cli: new Set(), verbs: new Set(), rules: new Set() }
  for (const path of paths) {
    for (const one of imports(path)) {
      if (partOf(one.path) !== partOf(path)) asked[partOf(one.path)].add(one.path)
    }
  }
  return { imports, partOf, asked }
}

/** An entry that has modules by their paths, each run when it is asked for. */
export function modulesEntry(paths) {
  const parts = [...paths].sort().map((path) => `'${path}': () => require('./${path}'),`)
  const contents = `export const parts = {${parts.join('\n')}}`
  return { stdin: { contents, resolveDir: process.cwd(), loader: 'js' } }
}

/**
 * Has what is in another bundle taken from there. The rules part is only loaded when something of it is
 * used, or where it is imported when it is needed.
 */
export function otherParts(part, { imports, partOf }) {
  return {
    name: 'other-parts',
    setup: ({ onResolve }) => {
      onResolve({ filter: /./ }, ({ path, importer, kind }) => {
        const found = imports(relative('.', resolve(importer))).find((one) => one.original === path)
        if (found === undefined || partOf(found.path) === part) return undefined
        const other = `./${partOf(found.path)}.cjs#${found.path}`
        const isLazy = partOf(found.path) === 'rules' && kind !== 'dynamic-import'
        return { path: isLazy ? `lazy:${other}` : other, external: true }
      })
    },
  }
}
