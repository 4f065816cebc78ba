/** The shape of a saved plan, read key by key: nothing more and nothing less than it should hold. */
import type { Position } from '../base/diagnostic.ts'
import { FwctlError } from '../base/error.ts'
import { FOREIGN_TOOLS, type Ownership } from '../policy/policy.ts'
import {
  type Backend,
  FAMILIES,
  type Family,
  type Origin,
  TABLES,
  type TableName,
} from '../ruleset/model.ts'
import type { Unmanaged } from './claim.ts'
import type { SavedSet, SavedSets } from './saved-sets.ts'
import type { Scope } from './scope.ts'

export interface SavedFamilyShape {
  readonly family: Family
  readonly backend: Backend
  readonly version: readonly [number, number, number]
  readonly scope: Scope
  readonly base: string
  readonly result: string
  readonly target: string
  readonly desired: string | null
  /** Which rule of the target, counted from 1, comes from where. */
  readonly origins: readonly ({
    readonly table: TableName
    readonly chain: string
    readonly rule: number
  } & Origin)[]
  /** Where the policy declares the chains that come or get another policy. */
  readonly chains: readonly ({ readonly table: TableName; readonly chain: string } & Position)[]
  readonly unmanaged: Unmanaged
}

export interface SavedShape {
  readonly kind: 'fwctl-plan'
  readonly formatVersion: '1.0'
  readonly policyDigest: string | null
  readonly ownership: Ownership
  readonly families: readonly SavedFamilyShape[]
  readonly sets?: SavedSets
  readonly digest: string
}

/** Throws `untrusted-file`. The keys keep the order of the value: its digest can be taken again. */
export function savedShape(json: unknown): SavedShape {
  return shape(json, 'the whole')
}

export function untrusted(problem: string, cause?: unknown): FwctlError {
  return new FwctlError(
    'untrusted-file',
    `This is not a saved plan that can be trusted: ${problem}. The host was not touched; make the ` +
      'plan again with "fwctl plan --out FILE".',
    { cause },
  )
}

/** Reads a value at a path such as `families[0].base`. */
type Reader<T> = (value: unknown, path: string) => T

function refuse(path: string, expected: string): never {
  throw untrusted(`${path} is not ${expected}`)
}

function oneOf<T extends string>(...allowed: readonly T[]): Reader<T> {
  return (value, path) =>
    allowed.includes(value as T) ? (value as T) : refuse(path, allowed.join(' or '))
}

function list<T>(item: Reader<T>): Reader<readonly T[]> {
  return (value, path) =>
    Array.isArray(value)
      ? value.map((element, index) => item(element, `${path}[${index}]`))
      : refuse(path, 'a list')
}

function object<T>(
  readers: { readonly [K in keyof T]-?: Reader<T[K]> },
  optional: readonly (keyof T)[] = [],
): Reader<T> {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return refuse(path, 'an object')
    }
    for (const key of Object.keys(readers)) {
      if (Object.hasOwn(value, key) || optional.includes(key as keyof T)) continue
      refuse(`${path}.${key}`, 'there')
    }
    const entries = Object.entries(value).map(([key, element]) => {
      if (!Object.hasOwn(readers, key)) return refuse(`${path}.${key}`, 'known')
      return [key, readers[key as keyof T](element, `${path}.${key}`)] as const
    })
    return Object.fromEntries(entries) as T
  }
}

const string: Reader<string> = (value, path) =>
  typeof value === 'string' ? value : refuse(path, 'a text')

const plain: Reader<string> = (value, path) => {
  const text = string(value, path)
  return /\p{Cc}/u.test(text) ? refuse(path, 'free of control characters') : text
}

const sha256: Reader<string> = (value, path) => {
  const text = string(value, path)
  return /^sha256:[0-9a-f]{64}$/.test(text) ? text : refuse(path, 'a digest')
}

const count: Reader<number> = (value, path) =>
  Number.isSafeInteger(value) && (value as number) >= 0
    ? (value as number)
    : refuse(path, 'a number that counts')

const version: Reader<SavedFamilyShape['version']> = (value, path) => {
  const [major, minor, patch, ...more] = list(count)(value, path)
  return major === undefined || minor === undefined || patch === undefined || more.length > 0
    ? refuse(path, 'a version of three numbers')
    : [major, minor, patch]
}

const table: Reader<TableName> = oneOf(...TABLES)

const origin: Reader<SavedFamilyShape['origins'][number]> = object<
  SavedFamilyShape['origins'][number]
>(
  {
    table,
    chain: plain,
    rule: count,
    file: plain,
    line: count,
    column: count,
    name: plain,
    owner: plain,
    ticket: plain,
    expires: plain,
  },
  ['name', 'owner', 'ticket', 'expires'],
)

const unmanaged: Reader<Unmanaged> = object<Unmanaged>({
  tables: list(table),
  chains: list(object<Unmanaged['chains'][number]>({ table, chain: plain })),
  rules: list(
    object<Unmanaged['rules'][number]>({ table, chain: plain, count, tools: list(plain) }),
  ),
})

const scope: Reader<Scope> = list(
  object<Scope[number]>({
    table,
    chains: (value, path) => (value === 'all' ? value : list(plain)(value, path)),
  }),
)

const ownership: Reader<Ownership> = object<Ownership>({
  mode: oneOf('chains', 'hooks', 'exclusive'),
  hook: oneOf('first', 'last'),
  foreign: object<Ownership['foreign']>({
    presets: list(oneOf(...FOREIGN_TOOLS)),
    chains: list(plain),
    comments: list(plain),
    interfaces: list(plain),
  }),
})

const family: Reader<SavedFamilyShape> = object<SavedFamilyShape>({
  family: oneOf(...FAMILIES),
  backend: oneOf('nft', 'legacy'),
  version,
  scope,
  base: sha256,
  result: sha256,
  target: string,
  desired: (value, path) => (value === null ? null : string(value, path)),
  origins: list(origin),
  chains: list(
    object<SavedFamilyShape['chains'][number]>({
      table,
      chain: plain,
      file: plain,
      line: count,
      column: count,
    }),
  ),
  unmanaged,
})

const setOrigin: Reader<NonNullable<SavedSet['origin']>> = object<NonNullable<SavedSet['origin']>>({
  file: plain,
  line: count,
  column: count,
})

const sets: Reader<SavedSets> = object<SavedSets>({
  goals: list(
    object<SavedSet>({
      text: string,
      contents: oneOf('exact', 'shared', 'others'),
      origin: (value, path) => (value === null ? null : setOrigin(value, path)),
    }),
  ),
  removals: list(plain),
  digest: sha256,
})

const shape: Reader<SavedShape> = object<SavedShape>(
  {
    kind: oneOf('fwctl-plan'),
    formatVersion: oneOf('1.0'),
    policyDigest: (value, path) => (value === null ? null : sha256(value, path)),
    ownership,
    families: list(family),
    sets,
    digest: sha256,
  },
  ['sets'],
)
