/** What is measured, and what the figures may be at most. */
import { BACKENDS } from '../../test/e2e/namespace.ts'
import type { BenchCase, Bound, Medians } from '../case.ts'
import { RULESETS, type RulesetKind } from '../rulesets/kinds.ts'
import { applyOne } from './apply.ts'
import { client } from './client.ts'
import { edits } from './edits.ts'
import { firstLoad } from './first-load.ts'
import { append, exists } from './go-iptables.ts'
import { memory } from './memory.ts'
import type { Place } from './place.ts'
import { planCold, planInSync } from './plan.ts'
import { startUp } from './start-up.ts'
import { counters, packets } from './unharmed.ts'

/** Those that fwctl has promised something for, in the order of docs/performance.md. */
const PROMISED: readonly BenchCase[] = [
  startUp,
  planInSync({ backend: 'nft', rules: 10_000 }, ({ B, S, fwctl }) => [
    { form: '# (B + S)', figure: fwctl / (B + S), limit: 1.5 },
  ]),
  planCold({ backend: 'nft', rules: 10_000 }, ({ B, S, yaml, fwctl }) => [
    { form: 'yaml + # (B + S)', figure: (fwctl - yaml) / (B + S), limit: 1.3 },
  ]),
  planInSync({ backend: 'nft', rules: 1000 }, ({ B, fwctl }) => [
    { form: '# B', figure: fwctl / B, limit: 2.5 },
  ]),
  applyOne({ backend: 'nft', rules: 10_000 }, ({ B, S, D, ferm, fwctl }) => [
    { form: '# (B + S + D)', figure: fwctl / (B + S + D), limit: 1.8 },
    { form: '# ferm', figure: fwctl / ferm, limit: 0.2 },
  ]),
  applyOne({ backend: 'legacy', rules: 10_000 }, ({ ferm, fwctl }) => [
    { form: '# ferm', figure: fwctl / ferm, limit: 0.3 },
  ]),
  applyOne({ backend: 'nft', rules: 50_000 }, ({ F, ferm, fwctl }) => [
    { form: '# ferm', figure: fwctl / ferm, limit: 0.15 },
    { form: '# F', figure: fwctl / F, limit: 0.6 },
  ]),
  firstLoad({ backend: 'nft', rules: 10_000 }, ({ B, S, F, fwctl }) => [
    { form: '# (B + S + F)', figure: fwctl / (B + S + F), limit: 1.4 },
  ]),
  edits({ backend: 'nft', rules: 10_000 }, 1000, (medians) => {
    const cheapest = Math.min(medians['-R'], medians['-D -I'], medians.rewrite)
    const of = "fwctl's batch"
    return [{ of, form: '# of the cheapest form', figure: medians[of] / cheapest, limit: 1.2 }]
  }),
  append({ backend: 'nft', rules: 1000 }, (medians) => againstGo(medians, 1 / 12)),
  append({ backend: 'nft', rules: 10_000 }, (medians) => againstGo(medians, 1 / 60)),
  memory({ backend: 'nft', rules: 10_000 }, 120),
  memory({ backend: 'nft', rules: 50_000 }, 260),
  ...BACKENDS.flatMap((backend) => [
    counters({ backend, rules: 10_000 }),
    packets({ backend, rules: 10_000 }),
  ]),
]

/** Both the whole tool, which plans, rehearses and verifies, and what a program would use instead. */
function againstGo(
  medians: Medians<'fwctl' | 'fwctl client' | 'go-iptables'>,
  limit: number,
): readonly Bound[] {
  return (['fwctl', 'fwctl client'] as const).map((of) => {
    return { of, form: '# go-iptables', figure: medians[of] / medians['go-iptables'], limit }
  })
}

export const SIZES: readonly number[] = [100, 1000, 10_000, 50_000]

const GROWTH = places('mixed', SIZES).flatMap((place) => [planInSync(place), applyOne(place)])

const SHAPES = (Object.keys(RULESETS) as RulesetKind[])
  .filter((kind) => kind !== 'mixed')
  .flatMap((kind) => places(kind, [10_000]))
  .flatMap((place) => [planInSync(place), applyOne(place)])

/** Of simple rules, which Shorewall and ufw know, too, at a size that they can be waited for. */
const PEERS = [
  ...places('services', [1000]).map((place) => applyOne(place)),
  ...places('mixed', [1000]).flatMap((place) => [exists(place), client(place)]),
  append({ backend: 'legacy', rules: 1000 }),
  edits({ backend: 'legacy', rules: 10_000 }, 1000),
]

/** Each once: with its bounds, where it has some. */
export const CASES: readonly BenchCase[] = [
  ...new Map([...GROWTH, ...SHAPES, ...PEERS, ...PROMISED].map((one) => [one.id, one])).values(),
].toSorted((a, b) => rank(a) - rank(b))

/** What is promised comes first, in its order. */
function rank({ id }: BenchCase): number {
  const index = PROMISED.findIndex((one) => one.id === id)
  return index < 0 ? PROMISED.length : index
}

function places(kind: RulesetKind, sizes: readonly number[]): readonly Place[] {
  return BACKENDS.flatMap((backend) => sizes.map((rules) => ({ backend, rules, kind })))
}
