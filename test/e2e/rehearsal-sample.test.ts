import { describe, expect, test } from 'vitest'
import { BUILTIN_NAMES as names } from '../../src/extensions/builtin-names.ts'
import type { Random } from '../../src/extensions/extension.ts'
import { detectBackend, requireTools } from '../../src/host/backend.ts'
import type { Executor } from '../../src/host/executor.ts'
import { parseLive } from '../../src/host/live.ts'
import { rehearse } from '../../src/host/rehearsal.ts'
import { parseRule } from '../../src/iptables/parse-rule.ts'
import { makeRule } from '../../src/iptables/rule.ts'
import { buildBatch } from '../../src/plan/batch.ts'
import { diffRulesets } from '../../src/plan/diff.ts'
import { guardBatch } from '../../src/plan/guards.ts'
import { formsOf } from '../../src/plan/rehearsal-sample.ts'
import { touchedChains } from '../../src/plan/touched.ts'
import { BUILTIN_CHAINS } from '../../src/ruleset/hooks.ts'
import {
  type Dialect,
  type RuleSpec,
  type Ruleset,
  TABLES,
  type TableName,
} from '../../src/ruleset/model.ts'
import { generateRule, seededRandom } from '../generate/rule.ts'
import { BACKENDS, KERNELS, type Scratch, scratchNamespace } from './namespace.ts'
import { type Workbench, workbench } from './workbench.ts'

const PAIRS = process.env.FWCTL_FULL === '1' ? 500 : 60
const LONG_MS = 600_000

/** The same rule with other addresses, ports and comment. */
function varied(text: string, random: Random, { family }: Dialect): string {
  const port = (): string => `${1 + random(65533)}`
  const address = (length: number): string => {
    if (family === 'ipv4') {
      const bits = ((random(0x7fffffff) * 2 + 1) & (length === 0 ? 0 : -1 << (32 - length))) >>> 0
      return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.')
    }
    return length < 32
      ? '2000::'
      : `2001:db8:${length < 48 ? '' : (1 + random(999)).toString(16)}::`
  }
  return text
    .replaceAll(/(?<=^|\s)-([sd]) \S+\/(\d+)/g, (_, option, length) => {
      return `-${option} ${address(Number(length))}/${length}`
    })
    .replaceAll(/(?<=--[sd]ports? )\d+(?= |$)/g, port)
    .replaceAll(/(?<=--comment )\w+/g, () => `c${random(1000)}`)
}

/** Undefined: refused. */
async function saved(
  scratch: Scratch,
  { backend, family }: Dialect,
  place: { readonly table: TableName; readonly chain: string },
  text: string,
): Promise<string | undefined> {
  const { table, chain } = place
  const block = (line: string): string => `*${table}\n${line}\nCOMMIT\n`
  try {
    await scratch.load(backend, family, block(`-F ${chain}\n-A ${chain} ${text}`))
    const dump = await scratch.save(backend, family)
    return new RegExp(`^\\[0:0\\] -A ${chain} (.*)$`, 'm').exec(dump)?.[1] ?? ''
  } catch {
    return undefined
  } finally {
    await scratch.load(backend, family, block(`-F ${chain}`))
  }
}

test.each(KERNELS)(
  '%s %s: of rules of one form, wherever they stand, the kernel takes all or none, and they are saved alike',
  async (backend, family) => {
    const dialect: Dialect = { family, backend, version: [1, 8, 9] }
    const random = seededRandom(family === 'ipv4' ? 41 : 42)
    await using scratch = await scratchNamespace()
    const seen = { taken: 0, refused: 0 }
    while (seen.taken + seen.refused < PAIRS) {
      const { words } = generateRule({ random, dialect, names })
      const { specs, problems, cautions } = parseRule(words, { dialect, names })
      if (specs.length !== 1 || problems.length + cautions.length > 0) continue
      const { text } = makeRule(specs[0] as RuleSpec, { dialect, names })
      const other = varied(text, random, dialect)
      if (other === text || formsOf([other])[0] !== formsOf([text])[0]) continue
      // Also where it may not stand.
      const table = TABLES[random(4)] as TableName
      const chains = BUILTIN_CHAINS[table]
      const place = { table, chain: chains[random(chains.length)] as string }
      const one = await saved(scratch, dialect, place, text)
      const two = await saved(scratch, dialect, place, other)
      const said = `${place.table} ${place.chain}: ${text} / ${other}`
      expect(two === undefined, said).toBe(one === undefined)
      if (one === undefined) seen.refused++
      else {
        seen.taken++
        expect(formsOf([two as string]), said).toEqual(formsOf([one]))
      }
    }
    expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(PAIRS / 20)
  },
  LONG_MS,
)

/** What may be done to a chain, some of which the kernel refuses; A and B lead to each other if both are. */
const EDITS = [
  '-s 192.0.2.1/32 -j DROP',
  '-p tcp -m tcp --dport 9 -j ACCEPT',
  '-j B',
  '-i lo -j RETURN',
  '-m owner --uid-owner 0 -j DROP',
  '-j MASQUERADE',
]

const CAMPAIGN = process.env.FWCTL_FULL === '1' ? 100 : 6

test.each(KERNELS)(
  '%s %s: an edit of long chains is taken or refused alike by an excerpt of them and in full',
  async (backend, family) => {
    const random = seededRandom(family === 'ipv4' ? 51 : 52)
    await using scratch = await scratchNamespace()
    const tools = await detectBackend(scratch.executor, backend)
    const { dialect } = requireTools(tools, family)
    const own = (text: string): string =>
      family === 'ipv6' ? text.replace('192.0.2.1/32', '2001:db8::1/128') : text
    const rules = (count: number): string[] =>
      Array.from({ length: count }, () => `-p tcp -m tcp --dport ${random(90)} -j ACCEPT`)
    const edited = (before: readonly string[]): readonly string[] => {
      const after = [...before]
      for (let left = 1 + random(6); left > 0; left--) {
        const at = random(after.length)
        const edit = own(EDITS[random(EDITS.length - (random(3) === 0 ? 0 : 2))] as string)
        if (random(3) === 0) after.splice(at, 1, edit)
        else if (random(2) === 0) after.splice(at, 0, edit)
        else after.splice(random(after.length), 0, ...after.splice(at, 1))
      }
      return after
    }
    const state = (chains: Readonly<Record<string, readonly string[]>>): Ruleset => {
      const names = Object.keys(chains).filter((name) => name !== 'INPUT')
      const lines = Object.entries(chains).flatMap(([name, texts]) =>
        texts.map((text) => `-A ${name} ${text}\n`),
      )
      const heads = names.map((name) => `:${name} - [0:0]\n`)
      const text = `*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n${[...heads, ...lines].join('')}COMMIT\n`
      return parseLive(text, { family, dialect, file: 'test' }).ruleset
    }
    const seen = { passed: 0, failed: 0, skipped: 0 }
    for (let turn = 0; turn < CAMPAIGN; turn++) {
      const before = { INPUT: ['-j A', ...rules(250)], A: rules(260), B: ['-j C'], C: rules(210) }
      const leads = random(2) === 0 ? { ...before, B: [...before.B, '-j A'] } : before
      const after = { ...leads, INPUT: edited(leads.INPUT), A: edited(leads.A), C: edited(leads.C) }
      const [live, target] = [state(leads), state(after)]
      const batch = buildBatch({ live, target, dialect })
      const touched = touchedChains(diffRulesets(live, target))
      const guarded = backend === 'nft' ? guardBatch(batch, live, random(2) === 0) : undefined
      const families = [{ family, live, target, batch, touched, ...(guarded && { guarded }) }]
      const options = { executor: scratch.executor, backend: tools, families }
      const [excerpt, full] = [
        await rehearse({ ...options, sample: true }),
        await rehearse({ ...options, sample: false }),
      ]
      expect(excerpt.kind, batch.text).toBe(full.kind)
      seen[full.kind]++
    }
    expect(seen.skipped).toBe(0)
    if (CAMPAIGN > 50) expect(Math.min(seen.passed, seen.failed)).toBeGreaterThan(5)
  },
  LONG_MS,
)

describe('a plan of thousands of rules', () => {
  const FILTER = '*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n'
  const rules = (chain: string, count: number): string =>
    Array.from(
      { length: count },
      (_, i) => `-A ${chain} -s 10.0.${i >> 8}.${i & 255}/32 -p tcp -m tcp --dport 80 -j DROP\n`,
    ).join('')

  /** The workbench's executor, and what it has given to the programs in namespaces of their own. */
  function watching({ scratch: { executor } }: Workbench): {
    readonly executor: Executor
    readonly inputs: readonly string[]
  } {
    const inputs: string[] = []
    const run: Executor['run'] = async (command) => {
      const { rest, program } = command
      if (program !== 'unshare' || rest === undefined) return executor.run(command)
      const heard = async (): Promise<string> => {
        const text = await rest()
        inputs.push(text)
        return text
      }
      return executor.run({ ...command, rest: heard })
    }
    return { inputs, executor: { ...executor, run } }
  }

  test.each(BACKENDS)(
    'is rehearsed on %s by a sample of its rules, or all of them if that is required, and applied in full',
    async (backend) => {
      await using bench = await workbench(backend)
      const { executor, inputs } = watching(bench)
      const dump = `${FILTER}:A - [0:0]\n-A INPUT -j A\n${rules('INPUT', 1000)}${rules('A', 1000)}COMMIT\n`
      for (const rehearse of ['auto', 'required'] as const) {
        const plan = await bench.planTo({ ipv4: dump })
        const outcome = await bench.apply(plan, { executor, rehearse })
        expect(outcome).toMatchObject({ kind: 'applied', rehearsal: { kind: 'passed' } })
        expect((await bench.save('ipv4')).match(/-A (INPUT|A) /g)).toHaveLength(2001)
        await bench.scratch.load(backend, 'ipv4', '*filter\n-F\n-X\nCOMMIT\n')
      }
      const counts = inputs.map((text) => text.match(/^(\[0:0\] )?-A /gm)?.length)
      expect(counts).toEqual([3, 2001])
    },
  )

  test.each(BACKENDS)(
    'of which few change is rehearsed on %s by those, or all of them if that is required',
    async (backend) => {
      await using bench = await workbench(backend)
      const { executor, inputs } = watching(bench)
      const before = rules('INPUT', 1000).split(/(?<=\n)/)
      const changed = (address: string): string =>
        before.with(600, `-A INPUT -s ${address}/32 -j DROP\n`).toSpliced(20, 1).join('')
      await bench.load('ipv4', `${FILTER}${before.join('')}COMMIT\n`)
      for (const [rehearse, address] of [
        ['auto', '9.9.9.9'],
        ['required', '9.9.9.8'],
      ] as const) {
        const plan = await bench.planTo({ ipv4: `${FILTER}${changed(address)}COMMIT\n` })
        const outcome = await bench.apply(plan, { executor, rehearse })
        expect(outcome).toMatchObject({ kind: 'applied', rehearsal: { kind: 'passed' } })
        const found = (await bench.save('ipv4')).replaceAll(/^\[0:0\] (?=-A)/gm, '')
        expect(found).toContain(changed(address))
      }
      // One that goes and one that becomes another; then one of all.
      const counts = inputs.map((text) => text.match(/^(\[0:0\] )?-A /gm)?.length)
      expect(counts).toEqual([2, 999])
    },
  )

  test('is rehearsed in full where it changes more than one table', async () => {
    await using bench = await workbench('nft')
    const { executor, inputs } = watching(bench)
    const dump = `*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j ACCEPT\nCOMMIT\n${FILTER}${rules('INPUT', 300)}COMMIT\n`
    await bench.apply(await bench.planTo({ ipv4: dump }), { executor })
    expect(inputs.map((text) => text.match(/^-A INPUT/gm)?.length)).toEqual([300])
  })

  test('of which a rule is refused is refused as a whole, and the rule is named', async () => {
    await using bench = await workbench('nft')
    const dump = `${FILTER}:A - [0:0]\n-A INPUT -j A\n${rules('A', 900)}-A A -m owner --uid-owner 0 -j DROP\nCOMMIT\n`
    const applying = bench.apply(await bench.planTo({ ipv4: dump }), { rehearse: 'auto' })
    await expect(applying).rejects.toMatchObject({ code: 'rehearsal-failed' })
    await expect(applying).rejects.toThrow('-A A -m owner --uid-owner 0 -j DROP')
    expect(await bench.save('ipv4')).toBe('')
  })

  test.each(BACKENDS)(
    'is refused before anything is touched on %s, also where a chain has rules that no packet gets to',
    async (backend) => {
      await using bench = await workbench(backend)
      const owner = '-m owner --uid-owner 0 -j DROP\n'
      const dead = Array.from({ length: 240 }, (_, i) => `-A A -s 10.0.0.${i}/32 ${owner}`).join('')
      const jumps = ':A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A INPUT -j B\n-A A -j RETURN\n'
      const dump = `${FILTER}${jumps}${dead}-A B -s 10.1.0.1/32 ${owner}COMMIT\n`
      const applying = bench.apply(await bench.planTo({ ipv4: dump }), { rehearse: 'auto' })
      await expect(applying).rejects.toMatchObject({ code: 'rehearsal-failed' })
    },
  )
})
