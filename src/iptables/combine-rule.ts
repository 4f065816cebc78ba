/** Puts what was read together: matches and target in normal form, a spec per pair of addresses. */
import {
  isRefusal,
  type MatchExtension,
  refuse,
  type TargetExtension,
} from '../extensions/extension.ts'
import { VERDICTS } from '../ruleset/hooks.ts'
import type { Criterion, Match, Option, RuleSpec, Target } from '../ruleset/model.ts'
import { finishOptions } from './finish-options.ts'
import { type Instance, problem, type Reading, valueContext } from './reading.ts'

export function finishMatch(reading: Reading, instance: Instance): Match[] {
  const { extension, name } = instance
  if (extension === undefined) return [{ module: name, options: [], opaque: instance.opaque }]
  const options = finish(reading, instance, extension)
  return options === undefined ? [] : [{ module: extension.name, options }]
}

export function finishTarget(reading: Reading, instance: Instance): Target | undefined {
  const { extension, name } = instance
  const { verb } = reading
  if (extension !== undefined) {
    const options = finish(reading, instance, extension)
    return options && { verb, name: extension.name, options }
  }
  if (instance.opaque.length > 0) {
    if (VERDICTS.includes(name)) {
      problem(reading, instance.word, refuse('unknown-option', `${name} takes no options`))
    }
    return { verb, name, options: [], opaque: instance.opaque }
  }
  return { verb, name, options: [] }
}

function finish(
  reading: Reading,
  instance: Instance,
  extension: MatchExtension | TargetExtension,
): readonly Option[] | undefined {
  const finished = finishOptions(extension, instance.options, valueContext(reading, instance.word))
  if (!isRefusal(finished)) return finished
  problem(reading, instance.word, finished)
  return undefined
}

type Building = { -readonly [K in keyof RuleSpec]: RuleSpec[K] }

const UNLISTED: readonly undefined[] = [undefined]

/** One spec for every pair of source and destination, as iptables expands lists. */
export function combine(
  reading: Reading,
  matches: readonly Match[],
  target: Target | undefined,
): RuleSpec[] {
  const { inInterface, outInterface, protocol, fragment } = reading
  const specs: RuleSpec[] = []
  for (const source of reading.source ?? UNLISTED) {
    for (const destination of reading.destination ?? UNLISTED) {
      const spec: Building = { matches }
      if (source && !isAnyNetwork(source)) spec.source = source
      if (destination && !isAnyNetwork(destination)) spec.destination = destination
      if (inInterface && !isAnyInterface(inInterface)) spec.inInterface = inInterface
      if (outInterface && !isAnyInterface(outInterface)) spec.outInterface = outInterface
      if (protocol && protocol.value !== '0') spec.protocol = protocol
      if (fragment) spec.fragment = fragment
      if (target) spec.target = target
      specs.push(spec)
    }
  }
  return specs
}

function isAnyNetwork({ negated, value }: Criterion): boolean {
  return !negated && (value === '0.0.0.0/0' || value === '::/0')
}

function isAnyInterface({ negated, value }: Criterion): boolean {
  return !negated && value === '+'
}
