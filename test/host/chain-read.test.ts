import { describe, expect, test } from 'vitest'
import { chainListing, holdsChains } from '../../src/host/chain-read.ts'
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

const TOOLS = {
  dialect: { family: 'ipv4', backend: 'nft', version: [1, 8, 9] },
  save: '/sbin/iptables-save',
  restore: '/sbin/iptables-restore',
} as const

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
  const tools = { ...TOOLS, dialect: { ...TOOLS.dialect, backend } }
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

test('thousands of rules are listed by two programs at once, each a part of the chains', async () => {
  const names = Array.from({ length: 60 }, (_, i) => `c${i}`)
  const rules = Array.from({ length: 50 }, (_, i) => `-s ${i}`)
  const many = ruleset(fullTable('filter', ...names.map((name) => chain(name, rules))))
  const listings: string[] = []
  const executor = (spoilt: string) =>
    ({
      run: async ({ input = '' }: Command) => {
        listings.push(input)
        const listed = [...input.matchAll(/^-S (\S+)$/gm)].map(([, name]) =>
          [`-N ${name}`, ...rules.map((text) => `-A ${name} ${text}`), ''].join('\n'),
        )
        return { status: 0, stdout: listed.join('').replace(spoilt, '-s 51'), stderr: '' }
      },
    }) as unknown as Executor
  const holds = (spoilt: string) =>
    holdsChains(executor(spoilt), TOOLS, {
      ruleset: many,
      chains: names.map((name) => ({ table: 'filter', chain: name })),
    })
  expect(await holds('nothing')).toBe(true)
  expect(listings.join('').match(/-S/g)).toHaveLength(60)
  expect(listings.map((input) => input.match(/-S/g)?.length)).toEqual([30, 30])
  expect(await holds('-A c3 -s 7')).toBe(false)
  expect(await holds('-A c50 -s 7')).toBe(false)
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
  ])('%s; no program is run', async (_when, options) => {
    expect(await look(LISTED, options)).toEqual({ holds: false, commands: [] })
  })
})

describe('a listing at the end of what a program prints', () => {
  const listing = chainListing(RULESET, [
    { table: 'filter', chain: 'INPUT' },
    { table: 'filter', chain: 'aa' },
  ])
  const WITNESSES = '-A INPUT -s 9 -c 0 0\n-A bb -s 9 -c 1 2\n'
  const LISTINGS = '-P INPUT DROP -c 1 2\n-A INPUT -s 9 -c 0 0\n-N aa\n'

  test('is told from what stands before it', () => {
    expect(listing?.readEnd(LISTED)).toEqual({ isSeen: true, before: '' })
    expect(listing?.readEnd(WITNESSES + LISTED)).toEqual({ isSeen: true, before: WITNESSES })
    expect(listing?.readEnd(LISTINGS + LISTED)).toEqual({ isSeen: true, before: LISTINGS })
  })

  test('that is not as expected begins where its first chain is listed for the last time', () => {
    const other = LISTED.replace('-s 3', '-s 4')
    expect(listing?.readEnd(WITNESSES + other)).toEqual({ isSeen: false, before: WITNESSES })
    expect(listing?.readEnd(LISTINGS + other)).toEqual({ isSeen: false, before: LISTINGS })
    // Somebody's comment.
    const odd = '-A INPUT -m comment --comment "a\n-N x" -c 0 0\n-P y\n'
    expect(listing?.readEnd(odd + other)).toEqual({ isSeen: false, before: odd })
    expect(listing?.readEnd(other)).toEqual({ isSeen: false, before: '' })
    expect(listing?.readEnd(WITNESSES)).toEqual({ isSeen: false, before: WITNESSES })
  })

  test('there is none of a chain that is to be gone, and a long one is left to two programs', () => {
    expect(chainListing(RULESET, [{ table: 'filter', chain: 'gone' }])).toBeUndefined()
    expect(chainListing(RULESET, [])).toBeUndefined()
    const rules = Array.from({ length: 2000 }, (_, i) => `-s ${i}`)
    const long = ruleset(fullTable('filter', chain('aa', rules)))
    expect(chainListing(long, [{ table: 'filter', chain: 'aa' }])?.isLong).toBe(true)
    expect(listing?.isLong).toBe(false)
  })
})
