/**
 * Rules of a policy, folded: most rules of a large policy say the same as others but for their
 * addresses, ports and names. What they have in common is their form, which is held once; of its own, a
 * rule has particulars. So one rule of each form is validated and compiled in full (rule-pattern.ts),
 * and thousands are held without the nodes that they were read as, which are read again for those that
 * somebody asks about.
 */
import type { Position } from '../base/diagnostic.ts'
import { type ParticularKind, particularKind, particularText } from './particular.ts'
import { readTarget } from './rule-parts.ts'
import type { Entry, MapValue, Value } from './value.ts'

/** What a rule says but for its particulars; the same object for all rules that say the same. */
export interface RuleForm {
  /** What may follow: keys and texts, and everything else. */
  words?: Map<string, RuleForm>
  others?: Map<string, RuleForm>
  /** Of the particulars, in their order. Absent where no rule ends. */
  particulars?: readonly Particular[]
}

export interface Particular {
  /** The keys that lead to it. */
  readonly path: string
  readonly kind: ParticularKind
}

/** A rule as what it has in common with others, and what is its own. */
export interface Folded {
  readonly at: Position
  readonly form: RuleForm
  readonly particulars: readonly string[]
  /** Where the target is written. */
  readonly targetAt: Position | undefined
}

/** A document, which can be read from a place in it. */
export interface RuleSource {
  readonly text: string
  readonly readRule: (text: string, offset: number, at: Position) => MapValue
}

/** Folds a rule that stands there, if it can be. */
export type FoldRule = (rule: MapValue, offset: number, source: RuleSource) => Value

/** A rule of which the form and the particulars are held. A class, for an accessor costs it nothing. */
export class FoldedRule implements MapValue, Folded {
  readonly kind = 'map'
  readonly at: Position
  readonly form: RuleForm
  readonly particulars: readonly string[]
  readonly #offset: number
  readonly #source: RuleSource

  constructor(
    about: Pick<FoldedRule, 'at' | 'form' | 'particulars'>,
    offset: number,
    source: RuleSource,
  ) {
    this.at = about.at
    this.form = about.form
    this.particulars = about.particulars
    this.#offset = offset
    this.#source = source
  }

  get entries(): readonly Entry[] {
    const { text, readRule } = this.#source
    return readRule(text, this.#offset, this.at).entries
  }

  get targetAt(): Position | undefined {
    const { at, entries } = this
    return readTarget({ kind: 'map', entries, at })?.at
  }
}

/** More would take more room than the rules that have them in common could save. */
const MAX_FORMS = 50_000

/** The forms of one policy: from `root` on, each step leads to the same one every time. */
export interface Forms {
  readonly root: RuleForm
  /** Undefined where there are too many. */
  readonly step: (form: RuleForm, map: 'words' | 'others', word: string) => RuleForm | undefined
}

export function startForms(): Forms {
  let left = MAX_FORMS
  return {
    root: {},
    step: (form, map, word) => {
      form[map] ??= new Map()
      const known = form[map].get(word)
      if (known !== undefined || left === 0) return known
      left--
      const next: RuleForm = {}
      form[map].set(word, next)
      return next
    },
  }
}

/** Folds the rules of one policy, which have their forms in common. */
export function startFolding(): FoldRule {
  const forms = startForms()
  const own: string[] = []
  const folding: Folding = { ...forms, own, found: undefined }
  return (rule, offset, source) => {
    own.length = 0
    const form = formOf(rule, folding)
    if (form === undefined) return rule
    // An array that has grown has room for more, and thousands of these are held.
    const particulars = own.slice()
    if (form.particulars === undefined) {
      const found: Particular[] = []
      formOf(rule, { ...forms, own: [], found })
      form.particulars = found
    }
    return new FoldedRule({ at: rule.at, form, particulars }, offset, source)
  }
}

interface Folding extends Forms {
  /** Gets the particulars. */
  readonly own: string[]
  /** Gets what they are, if somebody asks. */
  readonly found: Particular[] | undefined
}

/** Undefined for a rule that has none: it is held as it is. */
function formOf(rule: MapValue, folding: Folding): RuleForm | undefined {
  let form: RuleForm | undefined = folding.root
  for (const { key, value } of rule.entries) {
    // When a rule is over depends on the day.
    if (key === 'expires') return undefined
    form = folding.step(form, 'words', key)
    form = form && after(form, key, value, folding)
    if (form === undefined) return undefined
  }
  return form
}

/** The form when a value has followed. The path has the keys that lead to it. */
function after(form: RuleForm, path: string, value: Value, folding: Folding): RuleForm | undefined {
  const { step } = folding
  const kind = particularKind(path, value)
  if (kind !== undefined) {
    const text = particularText(value, kind)
    folding.own.push(text)
    folding.found?.push({ path, kind })
    return text.includes('${') ? undefined : step(form, 'others', kind)
  }
  let here: RuleForm | undefined
  switch (value.kind) {
    case 'scalar':
      if (typeof value.value !== 'string') return step(form, 'others', `= ${value.text}`)
      return value.text.includes('${') ? undefined : step(form, 'words', value.text)
    case 'list':
      here = step(form, 'others', '[')
      for (const item of value.items) here = here && after(here, `${path} -`, item, folding)
      return here && step(here, 'others', ']')
    case 'map':
      here = step(form, 'others', '{')
      for (const { key, value: inner } of value.entries) {
        here = here && step(here, 'words', key)
        here = here && after(here, `${path} ${key}`, inner, folding)
      }
      return here && step(here, 'others', '}')
  }
}
