/** What an ipset is, as `ipset save` prints it. */
import type { Position } from '../base/diagnostic.ts'

export type SetFamily = 'inet' | 'inet6'

export type SetTypeName =
  | 'bitmap:ip'
  | 'bitmap:ip,mac'
  | 'bitmap:port'
  | 'hash:ip'
  | 'hash:mac'
  | 'hash:ip,mac'
  | 'hash:ip,mark'
  | 'hash:ip,port'
  | 'hash:ip,port,ip'
  | 'hash:ip,port,net'
  | 'hash:net'
  | 'hash:net,iface'
  | 'hash:net,net'
  | 'hash:net,port'
  | 'hash:net,port,net'
  | 'list:set'

/**
 * How a set is created. What is absent is not there, or, for the sizes, left to ipset: those are
 * only compared where somebody asked for them.
 */
export interface SetHeader {
  readonly type: SetTypeName
  /** Absent for the types that know no addresses, and for bitmaps, which are IPv4. */
  readonly family?: SetFamily
  /** Of a bitmap: `10.0.0.0-10.0.0.255`, `80-90`. */
  readonly range?: string
  /** The prefix length that addresses are cut to. */
  readonly netmask?: number
  /** The mask, as an address, that addresses are cut with. */
  readonly bitmask?: string
  /** `0x0000ff00`; absent: all bits. */
  readonly markmask?: string
  /** The default of its entries in seconds; 0: they stay. Absent: entries have no timeouts. */
  readonly timeout?: number
  readonly counters?: true
  readonly comment?: true
  readonly skbinfo?: true
  readonly forceadd?: true
  readonly hashsize?: number
  readonly maxelem?: number
  readonly bucketsize?: number
}

export interface SetEntry {
  /** In the words of `ipset save`: `10.0.0.0/8`, `10.0.0.1,tcp:80`. */
  readonly element: string
  /** Seconds: declared, the whole time; live, what is left of it. 0: it stays. */
  readonly timeout?: number
  readonly nomatch?: true
  /** The interface of `hash:net,iface` is the beginning of a name. */
  readonly wildcard?: true
  readonly comment?: string
  readonly skbmark?: string
  readonly skbprio?: string
  readonly skbqueue?: number
  readonly packets?: bigint
  readonly bytes?: bigint
}

export interface IpSet {
  readonly name: string
  readonly header: SetHeader
  /** In the order of the list for `list:set`; for the others the order means nothing. */
  readonly entries: readonly SetEntry[]
}

/** A set of the kernel. */
export interface LiveSet extends IpSet {
  /** Its lines of `ipset save`, word for word. */
  readonly text: string
  /** How many rules and lists use it; absent where nobody could be asked. */
  readonly references?: number
}

/** The sets that were asked for and are there, by name. */
export type LiveSets = ReadonlyMap<string, LiveSet>

/**
 * Whose the entries are. `exact`: what is not declared goes. `shared`: rules of the policy add to the
 * set or take from it, so what is declared must be there and the rest stays. `others`: the policy
 * declares no entries, only the set.
 */
export type SetContents = 'exact' | 'shared' | 'others'

/** What a set should be. */
export interface SetGoal {
  readonly set: IpSet
  readonly contents: SetContents
  readonly origin?: Position
}

/** The beginning of the names of the sets that fwctl fills and swaps in. */
export const TEMPORARY_PREFIX = 'fwctl-tmp-'

/** What a set may be called: `ipset save` does not quote names. */
export const SET_NAME: RegExp = /^[^\s"'\\,!-][^\s"'\\,]*$/
export const MAX_NAME_BYTES = 31
