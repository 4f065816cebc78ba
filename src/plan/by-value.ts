/**
 * Which rule `iptables -D CHAIN RULE` takes. Seen with 1.8.9: iptables-nft compares less than what a rule
 * says, and takes the first one that is the same to it.
 */

/**
 * What is compared of a rule's text: rules that differ otherwise are taken for each other. The mask of an IPv6
 * address is not compared, so `::` with any is as good as no address; nor what `helper` and `connlabel` say.
 */
export function likeness(text: string): string {
  if (!UNCOMPARED.test(text)) return text
  return ` ${text}`
    .replaceAll(NO_ADDRESS, '')
    .replaceAll(MASK, '$1')
    .replaceAll(SAID, '$1')
    .slice(1)
}

const UNCOMPARED = /-[sd] [\da-f]*:|-m (?:helper|connlabel) /
const NO_ADDRESS = / -[sd] ::\/\d+(?= |$)/g
const MASK = /( -[sd] [\da-f:.]*:[\da-f:.]*)\/\d+(?= |$)/g
const SAID =
  /( -m (?:helper|connlabel))(?: (?:! )?--(?:helper|label) (?:"(?:[^"\\]|\\.)*"|\S+)| --set)+(?= |$)/g

type Texts = readonly { readonly text: string }[]

/** Of a likeness in a chain: the index of the first rule that has it, and how many do. */
interface Alike {
  readonly first: number
  count: number
}

/** What a chain has of each likeness. */
export function likenesses(rules: Texts): ReadonlyMap<string, Readonly<Alike>> {
  const known = FOUND.get(rules)
  if (known !== undefined) return known
  const found = new Map<string, Alike>()
  for (const [first, { text }] of rules.entries()) {
    const like = likeness(text)
    const alike = found.get(like)
    if (alike === undefined) found.set(like, { first, count: 1 })
    else alike.count++
  }
  FOUND.set(rules, found)
  return found
}

/** Of the same chain it is asked for each rule that goes. */
const FOUND = new WeakMap<Texts, ReadonlyMap<string, Alike>>()

/** Whether `-D` takes another rule of a chain for the one at a position, which counts from 1. */
export function isHiddenByAnother(rules: Texts, position: number): boolean {
  const like = likeness(rules[position - 1]?.text ?? '')
  return likenesses(rules).get(like)?.first !== position - 1
}

/**
 * Some rules are not found by the text that they are saved as, because a default that the save spells
 * out is stored in another way (seen of `recent` and `connlimit` with their default masks, and of full
 * ranges; the rest is caution), and a blank in the name of an interface can not be written.
 */
export function isFoundByValue(text: string): boolean {
  return !/ -m (recent|connlimit|ah|esp|ipcomp|frag|rt|mh|dccp)\b|-type any|[\n]/.test(` ${text}`)
}
