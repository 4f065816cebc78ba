/** What is measured, and what the figures may be at most. */
import type { BenchCase } from '../case.ts'
import { applyOne } from './apply.ts'
import { firstLoad } from './first-load.ts'
import { planCold, planInSync } from './plan.ts'

export const BOUNDED: readonly BenchCase[] = [
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
]
