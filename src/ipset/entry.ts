/** Declared entries: their options checked, several that are the same made one. */

import { canonicalElements } from './element.ts'
import { MAX_TIMEOUT } from './header.ts'
import { isProblem, problem, type SetProblem } from './problem.ts'
import type { SetEntry, SetHeader } from './set.ts'
import { takesNomatch } from './set-types.ts'

/** The kernel's IPSET_MAX_COMMENT_SIZE */
const MAX_COMMENT_BYTES = 255

/** What one declared entry stands for, in the words of `ipset save`. */
export function canonicalEntries(
  entry: SetEntry,
  header: SetHeader,
): readonly SetEntry[] | SetProblem {
  const options = canonicalOptions(entry, header)
  if (isProblem(options)) return options
  const elements = canonicalElements(entry.element, header)
  if (isProblem(elements)) return elements
  return elements.map((element) => ({ ...options, element }))
}

function canonicalOptions(entry: SetEntry, header: SetHeader): SetEntry | SetProblem {
  const { timeout, comment, nomatch, wildcard, skbmark, skbprio, skbqueue } = entry
  if (timeout !== undefined && timeout > MAX_TIMEOUT) {
    return problem('invalid-value', `timeout is a number of seconds from 0 to ${MAX_TIMEOUT}`)
  }
  if (nomatch && !takesNomatch(header)) {
    return problem('conflicting-options', `entries of ${header.type} can not be nomatch`)
  }
  if (wildcard && header.type !== 'hash:net,iface') {
    return problem('conflicting-options', 'wildcard is for sets of type hash:net,iface')
  }
  if (comment !== undefined) {
    if (comment.includes('"')) {
      const hint = 'ipset has no way to write it'
      return problem('invalid-value', 'a comment of a set must not hold a quotation mark', hint)
    }
    if (new TextEncoder().encode(comment).length > MAX_COMMENT_BYTES) {
      return problem('text-too-long', `the comment has over ${MAX_COMMENT_BYTES} bytes`)
    }
  }
  const mark = skbmark === undefined ? undefined : canonicalSkbmark(skbmark)
  if (skbmark !== undefined && mark === undefined) {
    return problem('invalid-value', `"${skbmark}" is not a mark`, 'write 0x10 or 0x10/0xff')
  }
  const prio = skbprio === undefined ? undefined : canonicalSkbprio(skbprio)
  if (skbprio !== undefined && prio === undefined) {
    return problem('invalid-value', `"${skbprio}" is not a class`, 'write MAJOR:MINOR in hex')
  }
  if (skbqueue !== undefined && skbqueue > 65535) {
    return problem('invalid-value', 'skbqueue is a number from 0 to 65535')
  }
  return {
    element: entry.element,
    ...(timeout === undefined ? {} : { timeout }),
    ...(nomatch ? { nomatch } : {}),
    ...(wildcard ? { wildcard } : {}),
    ...(comment === undefined || comment === '' ? {} : { comment }),
    // What is zero is not printed.
    ...(mark === undefined || mark === '0x0/0x0' ? {} : { skbmark: mark }),
    ...(prio === undefined || prio === '0:0' ? {} : { skbprio: prio }),
    ...(skbqueue === undefined || skbqueue === 0 ? {} : { skbqueue }),
  }
}

function canonicalSkbmark(text: string): string | undefined {
  const match = /^(0x[0-9a-f]{1,8}|0)(?:\/(0x[0-9a-f]{1,8}|0))?$/i.exec(text)
  if (match === null) return undefined
  const mark = Number(match[1]).toString(16)
  const mask = match[2] === undefined ? 0xffffffff : Number(match[2])
  return mask === 0xffffffff ? `0x${mark}` : `0x${mark}/0x${mask.toString(16)}`
}

function canonicalSkbprio(text: string): string | undefined {
  const match = /^([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(text)
  if (match === null) return undefined
  const hex = (part: string | undefined): string => Number.parseInt(part ?? '', 16).toString(16)
  return `${hex(match[1])}:${hex(match[2])}`
}

/** What makes an entry of the kernel one of its own. */
export function entryKey(entry: Pick<SetEntry, 'element' | 'wildcard'>): string {
  return entry.wildcard ? `${entry.element} wildcard` : entry.element
}

/**
 * One entry for two that name the same element, or undefined when they contradict each other. What
 * has options goes before what has none: a range may hold an address that is also written alone.
 */
export function mergeEntries(a: SetEntry, b: SetEntry): SetEntry | undefined {
  if (a.nomatch !== b.nomatch) return undefined
  if (sameOptions(a, b) || isPlain(b)) return a
  return isPlain(a) ? b : undefined
}

function isPlain(entry: SetEntry): boolean {
  return OPTIONS.every((key) => entry[key] === undefined)
}

function sameOptions(a: SetEntry, b: SetEntry): boolean {
  return OPTIONS.every((key) => a[key] === b[key])
}

const OPTIONS = ['timeout', 'comment', 'skbmark', 'skbprio', 'skbqueue'] as const
