/** Rules written as texts, folded: see folded-rule.ts. They are held as they were read all the same. */
import type { Position } from '../base/diagnostic.ts'
import { tokenise } from '../iptables/tokenise.ts'
import { type Folded, type Particular, type RuleForm, startForms } from './folded-rule.ts'
import { wordKind } from './particular.ts'
import { targetPosition } from './text-rule.ts'
import type { ScalarValue } from './value.ts'

/** A rule that is held as it was read, with its form and particulars beside it. */
export class FoldedText implements Folded {
  readonly rule: ScalarValue
  readonly form: RuleForm
  readonly particulars: readonly string[]

  constructor(rule: ScalarValue, form: RuleForm, particulars: readonly string[]) {
    this.rule = rule
    this.form = form
    this.particulars = particulars
  }

  get at(): Position {
    return this.rule.at
  }

  get targetAt(): Position {
    return targetPosition(this.rule)
  }
}

/** Folds the texts of one policy; undefined for one that is wrong, or as no other. */
export function startFoldingTexts(): (rule: ScalarValue) => FoldedText | undefined {
  const { root, step } = startForms()
  return (rule) => {
    const { words, unterminated } = tokenise(rule.text)
    if (unterminated) return undefined
    const own: string[] = []
    let form: RuleForm | undefined = root
    let option = ''
    for (const word of words) {
      const found = wordKind(option, word)
      if (found !== undefined) own.push(word)
      form = found === undefined ? step(form, 'words', word) : step(form, 'others', found.kind)
      if (form === undefined) return undefined
      option = word
    }
    form.particulars ??= particularsOf(words)
    return new FoldedText(rule, form, own.slice())
  }
}

function particularsOf(words: readonly string[]): readonly Particular[] {
  return words.flatMap((word, i) => wordKind(words[i - 1] ?? '', word) ?? [])
}
