/**
 * Runs the bundle of the bin with V8's code cache: what V8 compiled in an earlier run is read back
 * instead of being compiled again, which is most of the start-up time.
 *
 * A cache is code. It is believed only when nobody but the user who runs fwctl can have written it, and
 * made only where that holds. It is safe to lose: without it everything takes a little longer. There is
 * one for each verb, with the functions that the verb needs; its name has all that it depends on and
 * that V8 does not check itself.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Script } from 'node:vm'
import { engineName } from './early.ts'
import { readOwnFile, writeOwnFile } from './own-file.ts'

export interface BundleInput {
  /** The file of the bundle, a CommonJS module. */
  readonly path: string
  /** Another one for each build; V8 only compares the lengths of the sources. */
  readonly build: string
  /** The first argument of the command line, whatever it is. */
  readonly verb: string | undefined
  readonly require: NodeJS.Require
}

type Bundle = (
  exports: object,
  require: (id: string) => unknown,
  module: { exports: object },
  filename: string,
  directory: string,
  url: string,
) => void

/** What the bundle exports. On a good end of the first runs its code cache is written. */
export function loadBundle(input: BundleInput): object {
  const known = loaded.get(input.path)
  if (known !== undefined) return known.exports
  const module = { exports: {} }
  // Before it is run: what it loads may ask for it.
  loaded.set(input.path, module)
  runBundle(input, module)
  return module.exports
}

const loaded = new Map<string, { readonly exports: object }>()

function runBundle(input: BundleInput, module: { exports: object }): void {
  const { path, build, verb } = input
  // Read as Latin-1 (it is ASCII), it is not decoded.
  const source = `${HEAD}${readFileSync(path, 'latin1')}\n})`
  const cachePath = `${path}.${cacheName(build, verb)}`
  const kept = readCache(cachePath)
  const cachedData = kept?.subarray(0, -1)
  const script = new Script(source, {
    filename: path,
    columnOffset: -HEAD.length,
    ...(cachedData && { cachedData }),
  })
  const runs = script.cachedDataRejected === true ? 0 : (kept?.at(-1) ?? 0)
  if (runs < LEARNING_RUNS) {
    process.on('exit', (code) => {
      if (!GOOD_ENDS.includes(code)) return
      writeCache(cachePath, Buffer.concat([script.createCachedData(), Buffer.of(runs + 1)]))
    })
  }
  const bundle = script.runInThisContext() as Bundle
  const url = `file://${encodeURI(path)}`
  bundle(module.exports, requireFrom(input), module, path, dirname(path), url)
}

/** As Node does it, and with the URL of the file, in place of `import.meta.url`. */
const HEAD = '(function (exports, require, module, __filename, __dirname, bundleUrl) {'

/**
 * So many runs add what they have compiled: the first one reads a policy, and the next ones find it
 * known. How many there were is the last byte.
 */
const LEARNING_RUNS = 3

/** Done, and changes pending. A run that failed early has not seen the functions that the others need. */
const GOOD_ENDS: readonly number[] = [0, 2]

function cacheName(build: string, verb = ''): string {
  const name = /^[a-z]{1,20}$/.test(verb) ? verb : 'other'
  return `${name}-${engineName()}-${build}-${process.version}-${process.arch}.cache`
}

/** Undefined when there is none that can be believed. */
export function readCache(path: string): Buffer | undefined {
  const bytes = readOwnFile(path)
  return bytes && unpack(bytes)
}

export function writeCache(path: string, data: Uint8Array): void {
  writeOwnFile(path, [data, data], true)
}

/**
 * The data is there twice. V8 takes it unchecked, and damaged it crashes or worse; to compare takes a
 * fraction of the time that it takes to load any of Node's checksums.
 */
function unpack(bytes: Buffer): Buffer | undefined {
  const data = bytes.subarray(0, bytes.length / 2)
  return data.length > 0 && data.equals(bytes.subarray(data.length)) ? data : undefined
}

/**
 * `require`, also for other bundles and, behind a `#`, for modules in them. What has `lazy:` before its
 * name, as the build writes it, is a stand-in.
 */
function requireFrom(input: BundleInput): (id: string) => unknown {
  return (id) => {
    if (id.startsWith(LAZY)) {
      return standIn(() => requireFrom(input)(id.slice(LAZY.length)) as object)
    }
    const [, file, part] = /^\.\/(.*\.cjs)(?:#(.*))?$/.exec(id) ?? []
    if (file === undefined) return input.require(id)
    const bundle = loadBundle({ ...input, path: join(dirname(input.path), file) })
    return part === undefined ? bundle : (bundle as PartedBundle).parts[part]?.()
  }
}

interface PartedBundle {
  readonly parts: Readonly<Record<string, () => object>>
}

const LAZY = 'lazy:'

/** For a module that is loaded when something of it is used. */
function standIn(load: () => object): object {
  let loaded: object | undefined
  return new Proxy(
    {},
    {
      get: (_, key) => {
        loaded ??= load()
        return Reflect.get(loaded, key) as unknown
      },
    },
  )
}
