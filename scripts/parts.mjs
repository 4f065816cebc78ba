// The bin in two bundles that share their modules: what most runs need, and what few do.
import { relative, resolve } from 'node:path'

/** An entry that has modules by their paths, each run when it is asked for. */
export function modulesEntry(paths) {
  const parts = [...paths].sort().map((path) => `'${path}': () => require('./${path}'),`)
  const contents = `export const parts = {${parts.join('\n')}}`
  return { stdin: { contents, resolveDir: process.cwd(), loader: 'js' } }
}

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

function modulePath({ path, resolveDir }) {
  return relative('.', resolve(resolveDir, path))
}

/**
 * Has the rules part loaded when something of it is used, or at once where it is imported when it is needed;
 * notes what of it is imported.
 */
export function rulesApart(asked) {
  return {
    name: 'rules-apart',
    setup: ({ onResolve }) => {
      onResolve({ filter: /^\.\.?\/.*\.[jt]s$/ }, (args) => {
        const path = modulePath(args)
        if (!isRulesPart(path)) return undefined
        asked.add(path)
        const part = `./rules.cjs#${path}`
        return { path: args.kind === 'dynamic-import' ? part : `lazy:${part}`, external: true }
      })
    },
  }
}

/** A module that the main bundle has is taken from there: there is one of each. */
export function sharedModules(mains, needed) {
  return {
    name: 'shared-modules',
    setup: ({ onResolve }) => {
      onResolve({ filter: /^\.\.?\/.*\.[jt]s$/ }, (args) => {
        const path = modulePath(args)
        if (!mains.has(path)) return undefined
        needed.add(path)
        return { path: `./cli.cjs#${path}`, external: true }
      })
    },
  }
}
