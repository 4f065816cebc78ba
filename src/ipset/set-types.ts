/** Every type of set that the kernel has, as data: what its entries consist of and what it takes. */
import type { SetHeader, SetTypeName } from './set.ts'

/**
 * One part of an entry. `ip`: an address, or several for IPv4 by range or prefix. `address`: just
 * one. `net`: a network; `net0`: also that of everything.
 */
export type PartKind =
  | 'ip'
  | 'address'
  | 'net'
  | 'net0'
  | 'port'
  | 'plain-port'
  | 'mac'
  | 'optional-mac'
  | 'iface'
  | 'mark'
  | 'set'

export type HeaderOption = Exclude<keyof SetHeader, 'type'>

export interface SetType {
  readonly parts: readonly PartKind[]
  /** `both`: the set has one of the two. `inet`: always IPv4. `none`: it fits rules of both. */
  readonly family: 'both' | 'inet' | 'none'
  /** How many `src` and `dst` a rule needs; `any` for lists, whose members may differ. */
  readonly dimension: number | 'any'
  /** What the type has beside the options of all. */
  readonly options: readonly HeaderOption[]
  /**
   * The kernel's `features`: sets of equal features and family can be swapped, whatever their types
   * (`ip_set_swap` in ip_set_core.c).
   */
  readonly features: string
}

const HASH: readonly HeaderOption[] = ['hashsize', 'maxelem', 'bucketsize', 'forceadd']
const INET: readonly HeaderOption[] = ['family', ...HASH]

export const SET_TYPES: Readonly<Record<SetTypeName, SetType>> = {
  'bitmap:ip': {
    parts: ['ip'],
    family: 'inet',
    dimension: 1,
    options: ['range', 'netmask'],
    features: 'ip',
  },
  'bitmap:ip,mac': {
    parts: ['address', 'optional-mac'],
    family: 'inet',
    dimension: 2,
    options: ['range'],
    features: 'ip mac',
  },
  'bitmap:port': {
    parts: ['plain-port'],
    family: 'none',
    dimension: 1,
    options: ['range'],
    features: 'port',
  },
  'hash:ip': {
    parts: ['ip'],
    family: 'both',
    dimension: 1,
    options: [...INET, 'netmask', 'bitmask'],
    features: 'ip',
  },
  'hash:mac': { parts: ['mac'], family: 'none', dimension: 1, options: HASH, features: 'mac' },
  'hash:ip,mac': {
    parts: ['address', 'mac'],
    family: 'both',
    dimension: 2,
    options: INET,
    features: 'ip mac',
  },
  'hash:ip,mark': {
    parts: ['ip', 'mark'],
    family: 'both',
    dimension: 2,
    options: [...INET, 'markmask'],
    features: 'ip mark',
  },
  'hash:ip,port': {
    parts: ['ip', 'port'],
    family: 'both',
    dimension: 2,
    options: [...INET, 'netmask', 'bitmask'],
    features: 'ip port',
  },
  'hash:ip,port,ip': {
    parts: ['ip', 'port', 'address'],
    family: 'both',
    dimension: 3,
    options: INET,
    features: 'ip port ip2',
  },
  'hash:ip,port,net': {
    parts: ['ip', 'port', 'net'],
    family: 'both',
    dimension: 3,
    options: INET,
    features: 'ip port ip2 nomatch',
  },
  'hash:net': {
    parts: ['net'],
    family: 'both',
    dimension: 1,
    options: INET,
    features: 'ip nomatch',
  },
  'hash:net,iface': {
    parts: ['net0', 'iface'],
    family: 'both',
    dimension: 2,
    options: INET,
    features: 'ip iface nomatch',
  },
  'hash:net,net': {
    parts: ['net', 'net'],
    family: 'both',
    dimension: 2,
    options: [...INET, 'netmask', 'bitmask'],
    features: 'ip ip2 nomatch',
  },
  'hash:net,port': {
    parts: ['net', 'port'],
    family: 'both',
    dimension: 2,
    options: INET,
    features: 'ip port nomatch',
  },
  'hash:net,port,net': {
    parts: ['net0', 'port', 'net0'],
    family: 'both',
    dimension: 3,
    options: INET,
    features: 'ip port ip2 nomatch',
  },
  'list:set': { parts: ['set'], family: 'none', dimension: 'any', options: [], features: 'name' },
}

export function isSetType(name: string): name is SetTypeName {
  return Object.hasOwn(SET_TYPES, name)
}

export function typeOf(header: Pick<SetHeader, 'type'>): SetType {
  return SET_TYPES[header.type]
}

/** Entries may be exceptions: `nomatch`. */
export function takesNomatch(header: Pick<SetHeader, 'type'>): boolean {
  return typeOf(header).features.includes('nomatch')
}

/** Whether the kernel lets one take the other's place under rules that use it. */
export function canSwap(a: SetHeader, b: SetHeader): boolean {
  return typeOf(a).features === typeOf(b).features && kernelFamily(a) === kernelFamily(b)
}

/** The family of the addresses in the set; undefined: it has none. */
export function kernelFamily(header: SetHeader): 'inet' | 'inet6' | undefined {
  const { family } = typeOf(header)
  if (family === 'both') return header.family ?? 'inet'
  return family === 'none' ? undefined : family
}
