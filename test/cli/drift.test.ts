import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runCli, temporaryFolder } from './run-cli.ts'

const POLICY = `apiVersion: fwctl/v1
families: [ipv4]
tables:
  filter:
    chains:
      INPUT:
        policy: DROP
        rules:
          - { name: loopback, in-interface: lo, jump: ACCEPT }
          - { name: ssh, protocol: tcp, dport: 22, jump: ACCEPT }
`
const dump = (...rules: readonly string[]): string =>
  `*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:f2b-sshd - [0:0]\n${rules
    .map((rule) => `-A INPUT ${rule}\n`)
    .join('')}COMMIT\n`
const LOOPBACK = '-i lo -m comment --comment loopback -j ACCEPT'
const SSH = '-p tcp -m comment --comment ssh -m tcp --dport 22 -j ACCEPT'
const EXTRA = '-s 192.0.2.1/32 -j ACCEPT'

function desk(policy: string, live: string) {
  const folder = temporaryFolder()
  const write = (name: string, text: string) => writeFileSync(join(folder.path, name), text)
  write('fwctl.yaml', policy)
  write('live', live)
  return {
    write,
    path: (name: string) => join(folder.path, name),
    run: (argv: readonly string[], options = {}) => runCli(argv, { cwd: folder.path, ...options }),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  }
}

/** As apply writes it. */
function record(desired: string): string {
  return JSON.stringify({
    formatVersion: 1,
    appliedAt: '2026-11-22T10:00:00.000Z',
    user: 'root',
    reason: 'apply fwctl.yaml',
    ownership: {
      mode: 'chains',
      hook: 'first',
      foreign: { presets: ['fail2ban'], chains: [], comments: [], interfaces: [] },
    },
    families: { ipv4: { digest: `sha256:${'0'.repeat(64)}`, rules: desired, desired } },
  })
}

const APPLIED = `*filter\n:INPUT DROP\n-A INPUT ${LOOPBACK}\n-A INPUT ${SSH}\nCOMMIT\n`

describe('drift', () => {
  test.each([
    ['nothing when the host is as it was left', [LOOPBACK, SSH], 0, 'No drift.'],
    ['nothing for what fail2ban does', ['-p tcp -j f2b-sshd', LOOPBACK, SSH], 0, 'No drift.'],
    ['a rule that somebody added', [LOOPBACK, SSH, EXTRA], 2, EXTRA],
    ['a rule that somebody took out', [LOOPBACK], 2, 'dport 22'],
  ])('tells %s', async (_what, rules, code, text) => {
    using at = desk(POLICY, dump(...rules))
    at.write('applied.json', record(APPLIED))
    const result = await at.run(['drift', '--live4', 'live', '--applied', 'applied.json'])
    expect([result.code, result.stderr]).toEqual([code, ''])
    expect(result.stdout).toContain(text)
  })

  test('a policy that changed is no drift, and is said', async () => {
    using at = desk(POLICY.replace('dport: 22', 'dport: 2222'), dump(LOOPBACK, SSH))
    at.write('applied.json', record(APPLIED))
    const result = await at.run(['drift', '--live4', 'live', '--applied', 'applied.json'])
    expect(result.code).toBe(0)
    expect(result.stdout).toMatch(/^The policy has changed since\./)
  })

  test('without a record the policy stands in for it', async () => {
    using at = desk(POLICY, dump(LOOPBACK, SSH, EXTRA))
    const result = await at.run(['drift', '--live4', 'live', '--format', 'json'])
    expect(result.code).toBe(2)
    expect(result.stderr).toContain('the policy stands in')
    expect(JSON.parse(result.stdout)).toMatchObject({
      baseline: 'policy',
      changes: [{ kind: 'rule-add', live: EXTRA, livePosition: 3, standing: 'reverted' }],
    })
  })

  test('without a policy what was applied is enough', async () => {
    using at = desk(POLICY, dump(LOOPBACK, SSH, EXTRA))
    at.write('applied.json', record(APPLIED))
    const elsewhere = { cwd: '/' }
    const live = ['--live4', at.path('live')]
    const known = await at.run(['drift', ...live, '--applied', at.path('applied.json')], elsewhere)
    expect([known.code, known.stdout.includes(EXTRA)]).toEqual([2, true])
    expect((await at.run(['drift', ...live], elsewhere)).code).toBe(64)
  })

  test('a record that is damaged, or not there, is not believed', async () => {
    using at = desk(POLICY, dump(LOOPBACK, SSH))
    at.write('applied.json', record('nonsense'))
    const damaged = await at.run(['drift', '--live4', 'live', '--applied', 'applied.json'])
    expect([damaged.code, damaged.stdout]).toEqual([3, ''])
    const missing = await at.run(['drift', '--live4', 'live', '--applied', 'nowhere.json'])
    expect([missing.code, missing.stdout]).toEqual([1, ''])
  })

  test('plan shows it as a section of its own', async () => {
    using at = desk(POLICY.replace('dport: 22', 'dport: 2222'), dump(LOOPBACK, SSH, EXTRA))
    at.write('applied.json', record(APPLIED))
    const plan = ['plan', '--live4', 'live', '--applied', 'applied.json']
    const text = (await at.run(plan)).stdout
    const [drift = '', toDo = ''] = text.split('What apply will do:')
    expect(drift).toContain(`+ 3  ${EXTRA}`)
    expect(drift).not.toContain('2222')
    expect(toDo).toContain('--dport 2222')
    const json = JSON.parse((await at.run([...plan, '--format', 'json'])).stdout)
    expect(json.drift.changes).toHaveLength(1)
    expect(json.drift.policyChanges).toHaveLength(1)
  })
})

describe('exclusive ownership', () => {
  const exclusive = `${POLICY}ownership: { mode: exclusive }\n`
  const live = dump('-p tcp -j f2b-sshd', LOOPBACK, SSH)

  test('shows what it would take from others, and refuses until it is told --prune', async () => {
    using at = desk(exclusive, live)
    const plan = ['plan', '--live4', 'live', '--out', 'plan.json', '--detailed-exitcode']
    const refused = await at.run(plan)
    expect(refused.code).toBe(3)
    expect(refused.stdout).toContain('f2b-sshd')
    expect(refused.stderr).toMatch(/deletes rule 1 of filter INPUT.*f2b-sshd/)
    expect(refused.stderr).toMatch(/deletes the chain f2b-sshd/)
    expect(refused.stderr).toContain('--prune')
    expect(() => readFileSync(at.path('plan.json'))).toThrow()

    const told = await at.run([...plan, '--prune'])
    expect(told.code).toBe(2)
    expect(readFileSync(at.path('plan.json'), 'utf8')).toContain('fwctl-plan')
  })

  test('needs no telling where nothing of others is', async () => {
    using at = desk(exclusive, dump(LOOPBACK, SSH).replace(/^:f2b.*\n/m, ''))
    const result = await at.run(['plan', '--live4', 'live'])
    expect([result.code, result.stdout]).toEqual([0, 'No changes.\n'])
  })
})

describe('mode hooks', () => {
  const hooks = `${POLICY}ownership: { mode: hooks }\n`

  test('renders the chain of ours and the jump to it', async () => {
    using at = desk(hooks, '')
    const { stdout } = await at.run(['render'])
    expect(stdout).toContain(':INPUT ACCEPT')
    expect(stdout).toContain('-A INPUT -j FWCTL-INPUT\n')
    expect(stdout).toMatch(/-A FWCTL-INPUT -j DROP\nCOMMIT/)
  })

  test('what can not be hooked is found by validate', async () => {
    using at = desk(
      'apiVersion: fwctl/v1\nownership: { mode: hooks }\ntables: { nat: { chains: { PREROUTING: { policy: DROP } } } }\n',
      '',
    )
    const { code, stderr } = await at.run(['validate'])
    expect(code).toBe(1)
    expect(stderr).toContain('policy-not-allowed')
  })
})

describe('a rule that expires', () => {
  const policy = POLICY.replace(
    'jump: ACCEPT }\n',
    'jump: ACCEPT, expires: 2026-11-25T00:00:00Z, owner: team-web, ticket: WEB-1 }\n',
  )
  const on = (day: string) => ({ now: () => new Date(`${day}T00:00:00Z`) })

  test.each(['validate', 'plan', 'render'])(
    'is warned of by %s in the week before, and then left out',
    async (verb) => {
      using at = desk(policy, dump(LOOPBACK, SSH))
      const argv = verb === 'plan' ? ['plan', '--live4', 'live'] : [verb]
      const early = await at.run(argv, on('2026-11-01'))
      expect([early.code, early.stderr]).toEqual([0, ''])
      const soon = await at.run(argv, on('2026-11-20'))
      expect([soon.code, soon.stderr.includes('rule-expires-soon')]).toEqual([0, true])
      const over = await at.run(argv, on('2026-11-25'))
      expect([over.code, over.stderr.includes('rule-expired')]).toEqual([0, true])
      if (verb === 'plan') {
        expect(early.stdout).toMatch(/No changes\.\n$/)
        expect(over.stdout).toContain('- 1  -i lo')
      }
      if (verb === 'render') expect(over.stdout).not.toContain('-i lo')
    },
  )

  test('tells in every report who answers for it', async () => {
    using at = desk(policy, dump(SSH))
    for (const format of ['text', 'json', 'markdown']) {
      const argv = ['plan', '--live4', 'live', '--format', format]
      const { stdout } = await at.run(argv, on('2026-11-01'))
      for (const word of ['team-web', 'WEB-1', '2026-11-25T00:00:00Z'])
        expect(stdout).toContain(word)
    }
  })
})
