import { describe, expect, test } from 'vitest'
import { holdsChains } from '../../src/host/chain-read.ts'
import type { Command, Executor } from '../../src/host/executor.ts'
import type { Backend } from '../../src/ruleset/model.ts'
import { chain, fullTable, ruleset } from '../plan/rulesets.ts'

const RULESET = ruleset(
  fullTable(
    'filter',
    chain('INPUT', ['-s 1 -j aa', '', '-s 2'], { policy: 'DROP' }),
    chain('aa', ['-s 3']),
    chain('bb', ['-s 4', '-s 5', '-s 6', '-s 7', '-s 8', '-s 9']),
  ),
)
const LISTED = '-P INPUT DROP\n-A INPUT -s 1 -j aa\n-A INPUT\n-A INPUT -s 2\n-N aa\n-A aa -s 3\n'

async function look(
  stdout: string,
  options: {
    readonly backend?: Backend
    readonly chains?: readonly string[]
    readonly status?: number
  } = {},
) {
  const { backend = 'nft', chains = ['INPUT', 'aa'], status = 0 } = options
  const commands: Command[] = []
  const executor = {
    run: async (command: Command) => {
      commands.push(command)
      return { status, stdout, stderr: '' }
    },
  } as unknown as Executor
  const tools = {
    dialect: { family: 'ipv4', backend, version: [1, 8, 9] },
    save: '/sbin/iptables-save',
    restore: '/sbin/iptables-restore',
  } as const
  const holds = await holdsChains(executor, tools, {
    ruleset: RULESET,
    chains: chains.map((name) => ({ table: 'filter', chain: name })),
  })
  return { holds, commands }
}

test('chains are listed by one program, which changes nothing', async () => {
  const { holds, commands } = await look(LISTED)
  expect(holds).toBe(true)
  expect(commands).toMatchObject([
    { args: ['--noflush'], input: '*filter\n-S INPUT\n-S aa\nCOMMIT\n' },
  ])
})

describe('it is no proof', () => {
  test.each([
    ['when a rule differs', LISTED.replace('-s 3', '-s 4')],
    ['when a rule is missing', LISTED.replace('-A aa -s 3\n', '')],
    ['when there is one more', `${LISTED}-A aa -s 3\n`],
    ['when the policy differs', LISTED.replace('DROP', 'ACCEPT')],
    ['when nothing is said', ''],
  ])('%s', async (_when, stdout) => {
    expect((await look(stdout)).holds).toBe(false)
  })

  test('when the program fails, whatever it has printed', async () => {
    expect((await look(LISTED, { status: 1 })).holds).toBe(false)
  })

  test.each([
    ['on legacy, where listing reads the whole table', { backend: 'legacy' as const }],
    ['for a chain that is to be gone', { chains: ['aa', 'gone'] }],
    ['for most of the rules, where a dump costs no more', { chains: ['bb'] }],
  ])('%s; no program is run', async (_when, options) => {
    expect(await look(LISTED, options)).toEqual({ holds: false, commands: [] })
  })
})
