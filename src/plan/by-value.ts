/**
 * Which rule `iptables -D CHAIN RULE` takes. Seen with 1.8.9: iptables-nft compares less than what a rule
 * says, and takes the first one that is the same to it.
 */

/**
 * What is compared of a rule's text: rules that differ otherwise are taken for each other. The mask of an IPv6
 * address is not compared, so `::` with any is as good as no address.
 */
export function likeness(text: string): string {
  if (!IPV6.test(text)) return text
  return ` ${text}`.replaceAll(NONE, '').replaceAll(MASK, '$1').slice(1)
}

const IPV6 = /-[sd] [\da-f]*:/
const NONE = / -[sd] ::\/\d+(?= |$)/g
const MASK = /( -[sd] [\da-f:.]*:[\da-f:.]*)\/\d+(?= |$)/g

/**
 * Whether a rule is found by the text that it is saved as, and no other one is that only differs in a match.
 * Of some matches a default that the save spells out is stored in another way (seen of `recent` and `connlimit`
 * with their default masks, and of full ranges), and of some nothing is compared (`helper`, `connlabel`); the
 * rest is caution. A blank in the name of an interface can not be written.
 */
export function isFoundByValue(text: string): boolean {
  return !NOT_FOUND.test(` ${text}`)
}

const NOT_FOUND =
  / -m (recent|connlimit|ah|esp|ipcomp|frag|rt|mh|dccp|helper|connlabel)\b|-type any|[\n]/
