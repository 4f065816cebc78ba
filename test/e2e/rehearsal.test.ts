import { describe, expect, test } from 'vitest'
import { FwctlError } from '../../src/base/error.ts'
import { detectBackend, requireTools } from '../../src/host/backend.ts'
import type { Executor } from '../../src/host/executor.ts'
import { parseLive } from '../../src/host/live.ts'
import { localExecutor } from '../../src/host/local-executor.ts'
import { rehearse, rehearseRulesets } from '../../src/host/rehearsal.ts'
import type { Rehearsal } from '../../src/host/rehearsed.ts'
import { beginRehearsal } from '../../src/host/restore.ts'
import { buildBatch } from '../../src/plan/batch.ts'
import { diffRulesets } from '../../src/plan/diff.ts'
import { touchedChains } from '../../src/plan/touched.ts'
import type { Backend, Family, Ruleset } from '../../src/ruleset/model.ts'
import { KERNELS, type Scratch, scratchNamespace } from './namespace.ts'
import { workbench } from './workbench.ts'

const FILTER = '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n'

/** What only the kernel refuses, and words of the batch line that is at fault. */
const REFUSED: readonly (readonly [string, string, string])[] = [
  [
    'MASQUERADE in the filter table',
    `${FILTER}-A INPUT -j ACCEPT\n-A FORWARD -j MASQUERADE\n-A OUTPUT -j ACCEPT\nCOMMIT\n`,
    'MASQUERADE',
  ],
  [
    'a loop of chains',
    `${FILTER}:A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A A -j B\n-A B -j A\nCOMMIT\n`,
    '-j ',
  ],
  [
    'owner in INPUT',
    `${FILTER}-A INPUT -i lo -j ACCEPT\n-A INPUT -m owner --uid-owner 0 -j ACCEPT\nCOMMIT\n`,
    '--uid-owner',
  ],
  ['a jump to a chain that is not there', `${FILTER}-A INPUT\n-A INPUT -j NOPE\nCOMMIT\n`, 'NOPE'],
  [
    'an ipset that is not there',
    `${FILTER}-A INPUT\n-A INPUT -m set --match-set nope src -j DROP\nCOMMIT\n`,
    '--match-set nope',
  ],
  [
    'a bad second table after a good first one',
    `*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j ACCEPT\nCOMMIT\n${FILTER}-A OUTPUT -j MASQUERADE\nCOMMIT\n`,
    'MASQUERADE',
  ],
]

async function rulesets(backend: Backend, family: Family, scratch: Scratch, target: string) {
  const tools = await detectBackend(scratch.executor, backend)
  const dialect = tools.families[family]?.dialect
  if (!dialect) throw new Error(`no ${backend} iptables for ${family}`)
  const parse = (text: string): Ruleset =>
    parseLive(text, { family, dialect, file: 'test' }).ruleset
  return { tools, dialect, target: parse(target), live: parse(await scratch.save(backend, family)) }
}

async function rehearsed(
  backend: Backend,
  family: Family,
  scratch: Scratch,
  text: string,
): Promise<Rehearsal> {
  const { tools, dialect, target, live } = await rulesets(backend, family, scratch, text)
  const batch = buildBatch({ live, target, dialect })
  const { executor } = scratch
  const one = { family, live, target, batch }
  const rehearsal = await rehearse({ executor, backend: tools, families: [one] })
  // With no more of the live rules than it takes: the verdict is the same, down to the line.
  const touched = touchedChains(diffRulesets(live, target))
  const byNeed = await rehearse({ executor, backend: tools, families: [{ ...one, touched }] })
  expect(verdictOf(byNeed)).toEqual(verdictOf(rehearsal))
  // Nor does it take all of the rules.
  const families = [{ ...one, touched }]
  const bySample = await rehearse({ executor, backend: tools, families, sample: true })
  expect(verdictOf(bySample)).toEqual(verdictOf(rehearsal))
  return rehearsal
}

function verdictOf(rehearsal: Rehearsal): unknown {
  if (rehearsal.kind !== 'failed') return rehearsal
  return rehearsal.problems.map(({ line, message }) => [line?.text, message])
}

describe.each(KERNELS)('a rehearsal on %s, %s', (backend, family) => {
  test.each(REFUSED)('catches %s, names the line, and leaves the host alone', async (...row) => {
    const [, target, culprit] = row
    await using scratch = await scratchNamespace()
    await scratch.load(backend, family, '*filter\n-A OUTPUT -j ACCEPT\nCOMMIT\n')
    const saved = await scratch.save(backend, family)

    const rehearsal = await rehearsed(backend, family, scratch, target)

    if (rehearsal.kind !== 'failed') throw new Error(rehearsal.kind)
    expect(rehearsal.problems).toHaveLength(1)
    expect(rehearsal.problems[0]?.line?.text).toContain(culprit)
    expect(await scratch.save(backend, family)).toBe(saved)
  })

  test.each([
    [
      'a rule that a new jump brings into a hook where it may not be',
      ':X - [0:0]\n:Y - [0:0]\n-A OUTPUT -j X\n-A X -j Y\n-A Y -m owner --uid-owner 0 -j ACCEPT\n',
      '-A INPUT -j X\n',
    ],
    [
      'a rule that a new jump brings into a hook by way of a chain that changes, too',
      ':X - [0:0]\n:Y - [0:0]\n-A OUTPUT -j X\n-A X -j Y\n-A Y -m owner --uid-owner 0 -j ACCEPT\n',
      '-A INPUT -j X\n-A X -s 192.0.2.1/32 -j DROP\n',
    ],
    [
      'a loop that a new jump closes',
      ':A - [0:0]\n:B - [0:0]\n:C - [0:0]\n-A INPUT -j A\n-A A -j B\n-A B -j C\n',
      '-A C -j A\n',
    ],
    [
      'a new rule in a chain that is reached from a hook where it may not be',
      ':A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A INPUT -i lo -j ACCEPT\n-A A -j B\n',
      '-A B -m owner --uid-owner 0 -j DROP\n',
    ],
  ])('catches %s', async (_what, live, added) => {
    await using scratch = await scratchNamespace()
    await scratch.load(backend, family, `*filter\n${live}COMMIT\n`)
    const rehearsal = await rehearsed(backend, family, scratch, `${FILTER}${live}${added}COMMIT\n`)
    expect(rehearsal.kind).toBe('failed')
  })

  test.each([
    ['MASQUERADE', '-A C40 -j MASQUERADE\n', 'MASQUERADE'],
    [
      'owner in a chain that is reached from INPUT',
      '-A C3 -m owner --uid-owner 0 -j DROP\n',
      'owner',
    ],
    ['a loop from one half to the other', '-A C1 -j C44\n-A C44 -j C1\n', ' -j C'],
    ['nothing where nothing is wrong', '', undefined],
  ])('of thousands of new rules catches %s', async (_what, bad, culprit) => {
    await using scratch = await scratchNamespace()
    const names = Array.from({ length: 45 }, (_, i) => `C${i}`)
    const rules = names.flatMap((name, c) =>
      Array.from({ length: 50 }, (_, i) => `-A ${name} -p tcp --dport ${c * 50 + i + 1} -j DROP\n`),
    )
    const heads = names.map((name) => `:${name} - [0:0]\n-A INPUT -j ${name}\n`)
    const text = `${FILTER}${[...heads, ...rules].join('')}${bad}COMMIT\n`

    const rehearsal = await rehearsed(backend, family, scratch, text)

    if (culprit === undefined) expect(rehearsal).toEqual({ kind: 'passed' })
    else if (rehearsal.kind !== 'failed') throw new Error(rehearsal.kind)
    else expect(rehearsal.problems[0]?.line?.text).toContain(culprit)
  })

  test.each([
    [
      'a rule of a long chain',
      `${Array.from({ length: 250 }, (_, i) => `-A INPUT -p tcp --dport ${i + 1} -j DROP\n`).join('')}-A INPUT -m owner --uid-owner 0 -j DROP\n`,
    ],
    [
      'a rule of a chain behind it',
      ':X - [0:0]\n-A INPUT -j X\n-A X -m owner --uid-owner 0 -j DROP\n',
    ],
  ])('sees %s that a verdict has hidden from the kernel', async (_what, hidden) => {
    await using scratch = await scratchNamespace()
    const first = '-A INPUT -i lo -j RETURN\n'
    const load = `*filter\n${hidden.replace(/(?=-A INPUT)/, `${first}-A INPUT -j ACCEPT\n`)}COMMIT\n`
    // Only legacy takes what is hidden.
    const loading = scratch.load(backend, family, load)
    if (backend === 'nft') return await expect(loading).rejects.toThrow()
    await loading
    const goal = `${FILTER}${hidden.replace(/(?=-A INPUT)/, first)}COMMIT\n`
    expect((await rehearsed(backend, family, scratch, goal)).kind).toBe('failed')
  })

  test('knows that a rate estimator of another table is there', async () => {
    await using scratch = await scratchNamespace()
    const estimator =
      '-A FORWARD -j RATEEST --rateest-name e0 --rateest-interval 250ms --rateest-ewmalog 500ms\n'
    await scratch.load(backend, family, `*mangle\n${estimator}COMMIT\n`)
    const mangle = (await scratch.save(backend, family)).replaceAll(/^\[0:0\] /gm, '')
    const rule = '-A INPUT -m rateest --rateest e0 --rateest-gt --rateest-bps 8bit -j DROP\n'
    const goal = `${mangle}${FILTER}${rule}COMMIT\n`
    expect(await rehearsed(backend, family, scratch, goal)).toEqual({ kind: 'passed' })
  })

  test.each([
    ['a rule that is refused', '-m owner --uid-owner 0 -j DROP', '--uid-owner'],
    ['a jump that closes a loop', '-j B', '-j B'],
    ['nothing where nothing is wrong', '-s 192.0.2.1/32 -j DROP', undefined],
  ])('in the middle of a chain of thousands catches %s', async (_what, bad, culprit) => {
    await using scratch = await scratchNamespace()
    const head = ':A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A INPUT -j B\n-A B -j A\n'
    const rules = Array.from({ length: 900 }, (_, i) => `-A A -p tcp --dport ${i + 1} -j DROP\n`)
    await scratch.load(backend, family, `*filter\n${head}${rules.join('')}COMMIT\n`)
    // Of a family that has the address.
    const added = family === 'ipv6' ? bad.replace('192.0.2.1/32', '2001:db8::1/128') : bad
    const changed = rules.with(450, `-A A ${added}\n`).toSpliced(20, 1).join('')

    const rehearsal = await rehearsed(
      backend,
      family,
      scratch,
      `${FILTER}${head}${changed}COMMIT\n`,
    )

    if (culprit === undefined) expect(rehearsal).toEqual({ kind: 'passed' })
    else if (rehearsal.kind !== 'failed') throw new Error(rehearsal.kind)
    else expect(rehearsal.problems[0]?.line?.text).toContain(culprit)
  })

  test('passes what is good, with the sets that the host has and on top of what is live', async () => {
    await using scratch = await scratchNamespace()
    await scratch.run('ipset', [
      'create',
      'blocked',
      'hash:net',
      'family',
      inet(family),
      'timeout',
      '60',
    ])
    await scratch.run('ipset', ['create', 'ports', 'bitmap:port', 'range', '0-1023'])
    await scratch.load(
      backend,
      family,
      '*filter\n:OLD - [0:0]\n-A INPUT -m set --match-set ports dst -j OLD\n-A OLD -j DROP\nCOMMIT\n',
    )

    const rehearsal = await rehearsed(
      backend,
      family,
      scratch,
      `${FILTER}:OLD - [0:0]\n-A INPUT -m set --match-set blocked src -j DROP\n-A INPUT -m set --match-set ports dst -j OLD\n-A OLD -j ACCEPT\nCOMMIT\n`,
    )

    expect(rehearsal).toEqual({ kind: 'passed' })
  })

  test('fails when the kernel would end up with other rules than the plan says', async () => {
    await using scratch = await scratchNamespace()
    const text = `${FILTER}-A INPUT -j DROP\nCOMMIT\n`
    const { tools, dialect, target, live } = await rulesets(backend, family, scratch, text)
    const batch = buildBatch({ live, target, dialect })
    const other = { ...batch, text: batch.text.replace('DROP', 'ACCEPT') }

    const rehearsal = await rehearse({
      executor: scratch.executor,
      backend: tools,
      families: [{ family, live, target, batch: other }],
    })

    expect(rehearsal).toMatchObject({
      kind: 'failed',
      problems: [{ differences: [{ kind: 'rule-remove' }, { kind: 'rule-add' }] }],
    })
  })

  test('of whole rulesets makes up what only the real host has, and still asks the kernel', async () => {
    await using scratch = await scratchNamespace()
    const load = async (text: string) => {
      const { tools, target } = await rulesets(backend, family, scratch, text)
      return rehearseRulesets({
        executor: scratch.executor,
        backend: tools,
        rulesets: [target],
        externalChains: [{ family, table: 'filter', chain: 'DOCKER-USER' }],
      })
    }
    const jump = `${FILTER}-A FORWARD -j DOCKER-USER\n`
    const set = '-A INPUT -m set --match-set blocked src,dst -j DROP\n'

    expect(await load(`${jump}${set}COMMIT\n`)).toEqual({ kind: 'passed' })
    expect(await load(`${jump}-A INPUT -j MASQUERADE\nCOMMIT\n`)).toMatchObject({ kind: 'failed' })
  })

  test('that fails keeps apply from touching the host, and points at the rule', async () => {
    await using bench = await workbench(backend)
    await bench.load(family, '*filter\n-A OUTPUT -j ACCEPT\nCOMMIT\n')
    const saved = await bench.save(family)
    const plan = await bench.planTo({ [family]: `${FILTER}-A INPUT -j MASQUERADE\nCOMMIT\n` })

    const error = await bench.apply(plan).catch((e) => e)

    expect(error).toMatchObject({ code: 'rehearsal-failed' })
    expect(error.message).toMatch(/MASQUERADE" in table filter/)
    expect(await bench.save(family)).toBe(saved)
  })
})

test('the rehearsal waits for no xtables lock and holds none', async () => {
  await using scratch = await scratchNamespace()
  const holder = await scratch.executor.hold({
    program: 'flock',
    args: ['--exclusive', '/run/xtables.lock', 'cat'],
    timeoutMs: 10_000,
  })
  try {
    const text = `${FILTER}-A INPUT -j DROP\nCOMMIT\n`
    expect(await rehearsed('legacy', 'ipv4', scratch, text)).toEqual({ kind: 'passed' })
  } finally {
    await holder.stop()
  }
})

test('a rehearsal that was begun is of one batch: another one begins its own', async () => {
  await using scratch = await scratchNamespace()
  const good = `${FILTER}-A INPUT -s 192.0.2.1/32 -j DROP\nCOMMIT\n`
  const { tools, dialect, target, live } = await rulesets('nft', 'ipv4', scratch, good)
  const { executor } = scratch
  const begun = beginRehearsal(executor, requireTools(tools, 'ipv4'))
  const families = [
    {
      family: 'ipv4' as const,
      live,
      target,
      batch: buildBatch({ live, target, dialect }),
      touched: touchedChains(diffRulesets(live, target)),
    },
  ]
  const rehearsing = { executor, backend: tools, families, begun }
  expect(await rehearse(rehearsing)).toEqual({ kind: 'passed' })
  expect(begun.isFresh()).toBe(false)
  // It says that it can do what it has done, whatever it is told to do.
  const text = '*filter\n-A INPUT -j NOPE\nCOMMIT\n'
  const bad = families.map((one) => ({ ...one, batch: { ...one.batch, text } }))
  expect(await rehearse({ ...rehearsing, families: bad })).toMatchObject({ kind: 'failed' })
  await begun.abandon()
})

test('without unshare there is no rehearsal, and that is all', async () => {
  await using bench = await workbench('nft')
  const { executor } = bench.scratch
  const missing = (program: string): never => {
    throw new FwctlError('missing-program', `${program} is not installed.`)
  }
  const without = {
    ...executor,
    hold: async (command: Parameters<typeof executor.hold>[0]) =>
      command.program === 'unshare' ? missing('unshare') : executor.hold(command),
    run: async (command: Parameters<typeof executor.run>[0]) =>
      command.program === 'unshare' ? missing('unshare') : executor.run(command),
  }
  const plan = await bench.planTo({ ipv4: `${FILTER}-A INPUT -j DROP\nCOMMIT\n` })
  expect(await bench.apply(plan, { executor: without, rehearse: 'auto' })).toMatchObject({
    kind: 'applied',
    rehearsal: { kind: 'skipped', reason: expect.stringContaining('unshare is not installed') },
  })
})

/** What Linux says to who may not. */
function disabled<C extends { readonly program: string; readonly args: readonly string[] }>(
  command: C,
): C {
  if (command.program !== 'unshare') return command
  const complaint = 'echo "unshare: unshare failed: Operation not permitted" >&2; exit 1'
  return { ...command, program: 'sh', args: ['-c', complaint] }
}

test('without the right to make a namespace it says so, and apply goes on only with one block', async () => {
  await using bench = await workbench('nft')
  const { executor } = bench.scratch
  const unable = {
    ...executor,
    hold: (command: Parameters<typeof executor.hold>[0]) => executor.hold(disabled(command)),
    run: (command: Parameters<typeof executor.run>[0]) => executor.run(disabled(command)),
  }
  const one = await bench.planTo({ ipv4: `${FILTER}-A INPUT -j DROP\nCOMMIT\n` })
  const two = await bench.planTo({
    ipv4: `${FILTER}-A INPUT -j DROP\nCOMMIT\n`,
    ipv6: `${FILTER}-A INPUT -j DROP\nCOMMIT\n`,
  })

  const goOn = { executor: unable, rehearse: 'auto' } as const
  await expect(bench.apply(two, goOn)).rejects.toMatchObject({ code: 'refused' })
  await expect(bench.apply(one, { ...goOn, rehearse: 'required' })).rejects.toMatchObject({
    code: 'refused',
  })
  expect(await bench.save('ipv4')).toBe('')
  expect(await bench.apply(one, goOn)).toMatchObject({
    kind: 'applied',
    rehearsal: { kind: 'skipped' },
  })
})

test('without root it is done in a user namespace where that is possible, and never passes unseen', async () => {
  const local = localExecutor()
  const drop = <C extends { program: string; args: readonly string[] }>(command: C): C => ({
    ...command,
    program: 'setpriv',
    args: [
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      '--',
      command.program,
      ...command.args,
    ],
  })
  const nobody: Executor = {
    ...local,
    run: (command) => local.run(drop(command)),
    hold: (command) => local.hold(drop(command)),
  }
  const bad = `${FILTER}-A INPUT -j MASQUERADE\nCOMMIT\n`
  for (const [backend, text, kinds] of [
    ['nft', `${FILTER}-A INPUT -j DROP\nCOMMIT\n`, ['passed', 'skipped']],
    ['nft', bad, ['failed', 'skipped']],
    ['legacy', bad, ['failed', 'skipped']],
  ] as const) {
    await using scratch = await scratchNamespace()
    const { tools, target } = await rulesets(backend, 'ipv4', scratch, text)
    const rehearsal = await rehearseRulesets({
      executor: nobody,
      backend: tools,
      rulesets: [target],
    })
    expect(kinds).toContain(rehearsal.kind)
  }
})

function inet(family: Family): string {
  return family === 'ipv4' ? 'inet' : 'inet6'
}
