/** The shape of a saved plan, read key by key: nothing more and nothing less than it should hold. */
import {
  type Backend,
  FAMILIES,
  type Family,
  type Origin,
  TABLES,
  type TableName,
} from '../ruleset/model.ts'
import type { Unmanaged } from './claim.ts'

export interface SavedFamilyShape {
  readonly family: Family
  readonly backend: Backend
  readonly version: readonly [number, number, number]
  readonly base: string
  readonly result: string
  readonly target: string
  /** Which rule of the target, counted from 1, comes from where. */
  readonly origins: readonly ({
    readonly table: TableName
    readonly chain: string
    readonly rule: number
  } & Origin)[]
  readonly unmanaged: Unmanaged
}

export interface SavedShape {
  readonly kind: 'fwctl-plan'
  readonly formatVersion: '1.0'
  readonly policyDigest: string | null
  readonly foreign: readonly string[]
  readonly families: readonly SavedFamilyShape[]
  readonly digest: string
}

/** Reads a value at a path such as `families[0].base`. */
type Reader<T> = (value: unknown, path: string) => T

/** The keys keep the order of the value, so that its digest can be taken again. */
export function savedShape(json: unknown, fail: (problem: string) => Error): SavedShape {
  const refuse = (path: string, expected: string): never => {
    throw fail(`${path === '' ? 'the whole' : path} is not ${expected}`)
  }
  const string: Reader<string> = (value, path) => {
    if (typeof value !== 'string') return refuse(path, 'a text')
    return value
  }
  const plain: Reader<string> = (value, path) => {
    const text = string(value, path)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
    return /[\u0000-\u001f\u007f-\u009f]/.test(text)
      ? refuse(path, 'free of control characters')
      : text
  }
  const sha256: Reader<string> = (value, path) => {
    const text = string(value, path)
    return /^sha256:[0-9a-f]{64}$/.test(text) ? text : refuse(path, 'a digest')
  }
  const count: Reader<number> = (value, path) =>
    Number.isSafeInteger(value) && (value as number) >= 0
      ? (value as number)
      : refuse(path, 'a number that counts')
  const oneOf =
    <T extends string>(...allowed: readonly T[]): Reader<T> =>
    (value, path) =>
      allowed.includes(value as T) ? (value as T) : refuse(path, allowed.join(' or '))
  const list =
    <T>(item: Reader<T>): Reader<readonly T[]> =>
    (value, path) =>
      Array.isArray(value)
        ? value.map((element, index) => item(element, `${path}[${index}]`))
        : refuse(path, 'a list')
  const object =
    <T>(
      required: { readonly [K in keyof T]: Reader<T[K]> },
      optional: readonly (keyof T)[] = [],
    ): Reader<T> =>
    (value, path) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        return refuse(path, 'an object')
      }
      for (const key of Object.keys(required)) {
        if (!Object.hasOwn(value, key) && !optional.includes(key as keyof T)) {
          refuse(`${path}.${key}`, 'there')
        }
      }
      const entries = Object.entries(value).map(([key, element]) => {
        if (!Object.hasOwn(required, key)) return refuse(`${path}.${key}`, 'known')
        return [key, required[key as keyof T](element, `${path}.${key}`)] as const
      })
      return Object.fromEntries(entries) as T
    }

  const table = oneOf(...TABLES)
  const version: Reader<readonly [number, number, number]> = (value, path) => {
    const [major, minor, patch, ...more] = list(count)(value, path)
    return major === undefined || minor === undefined || patch === undefined || more.length > 0
      ? refuse(path, 'a version of three numbers')
      : [major, minor, patch]
  }
  const origin = object<SavedFamilyShape['origins'][number]>(
    { table, chain: plain, rule: count, file: plain, line: count, column: count, name: plain },
    ['name'],
  )
  const unmanaged = object<Unmanaged>({
    tables: list(table),
    chains: list(object<Unmanaged['chains'][number]>({ table, chain: plain })),
    rules: list(object<Unmanaged['rules'][number]>({ table, chain: plain, count })),
  })
  const family = object<SavedFamilyShape>({
    family: oneOf(...FAMILIES),
    backend: oneOf('nft', 'legacy'),
    version,
    base: sha256,
    result: sha256,
    target: string,
    origins: list(origin),
    unmanaged,
  })
  return object<SavedShape>({
    kind: oneOf('fwctl-plan'),
    formatVersion: oneOf('1.0'),
    policyDigest: (value, path) => (value === null ? null : sha256(value, path)),
    foreign: list(plain),
    families: list(family),
    digest: sha256,
  })(json, '')
}
