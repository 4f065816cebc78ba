import { describe, expect, test } from 'vitest'
import { cliNamespace } from './cli-namespace.ts'

/** Chains of 50, and INPUT with as many jumps. */
function policyOf(chains: number, changed = 0, families = '[ipv4]'): string {
  const names = Array.from({ length: chains }, (_, i) => `c${i}`)
  const rules = (chain: number): string =>
    Array.from({ length: 50 }, (_, i) => {
      const port = i + 1 + (chain < changed && i === 9 ? 1000 : 0)
      return `          - { source: 10.0.${chain}.${i}, protocol: tcp, dport: ${port}, jump: ACCEPT }\n`
    }).join('')
  return `apiVersion: fwctl/v1
families: ${families}
tables:
  filter:
    chains:
      INPUT:
        rules: [${names.map((name) => `{ jump: ${name} }`).join(', ')}]
${names.map((name, i) => `      ${name}:\n        rules:\n${rules(i)}`).join('')}`
}

/** What was run, without the way into the namespace: `iptables-nft-save -c`. */
function programs(log: string): readonly string[] {
  return log
    .split('\n')
    .flatMap((line) => / ran program=\S+ args=(\[.*?\]) /.exec(line)?.[1] ?? [])
    .map((args) => (JSON.parse(args) as string[]).filter((word) => !/^(--net=.*|--)$/.test(word)))
    .map(([first = '', ...rest]) => [first.replace(/^.*\//, ''), ...rest].join(' '))
    .map((words) => words.replace(/^nsenter (\S*\/)?/, 'scratch: '))
}

describe('the programs that are run on nft, and none more than once for the same', () => {
  test('for a plan: one for the version, one for each family', async () => {
    await using host = await cliNamespace('nft')
    const run = async (families: string): Promise<readonly string[]> => {
      host.write('fwctl.yaml', policyOf(3, 0, families).replaceAll(/source: [\d.]+, /g, ''))
      const { stderr } = await host.fwctl(['plan', '--log-level', 'debug'])
      return programs(stderr).toSorted()
    }
    expect(await run('[ipv4]')).toEqual(['iptables-nft-save --version', 'iptables-nft-save -c'])
    expect(await run('[ipv4, ipv6]')).toEqual([
      'ip6tables-nft-save -c',
      'iptables-nft-save --version',
      'iptables-nft-save -c',
    ])
  })

  test.each([4, 12])('for one changed rule in %d chains: one full read', async (chains) => {
    await using host = await cliNamespace('nft')
    host.write('fwctl.yaml', policyOf(chains))
    expect((await host.fwctl(['apply', '--auto-approve'])).code).toBe(0)
    host.write('fwctl.yaml', policyOf(chains, 1))
    const { stderr, code } = await host.fwctl(['apply', '--auto-approve', '--log-level', 'debug'])
    expect(code).toBe(0)
    const run = programs(stderr)
    expect(run.filter((words) => words === 'iptables-nft-save -c')).toHaveLength(1)
    // A last look. The rehearsal and the commit list by themselves what they have made.
    expect(run.filter((words) => words === 'iptables-nft-restore --noflush')).toHaveLength(1)
    // fwctl itself has made these chains.
    expect(run.filter((words) => words.startsWith('nft '))).toEqual([])
    expect(run.filter((words) => words.includes('unshare'))).toHaveLength(1)
    expect(run, run.join('\n')).toHaveLength(7)
  })

  test('for nothing to do: no more than for a plan, and a rehearsal that had been begun', async () => {
    await using host = await cliNamespace('nft')
    host.write('fwctl.yaml', policyOf(3))
    await host.fwctl(['apply', '--auto-approve'])
    const { stderr } = await host.fwctl(['apply', '--auto-approve', '--log-level', 'debug'])
    const run = programs(stderr)
    expect(run.filter((words) => words.includes('unshare'))).toHaveLength(1)
    expect(run).toHaveLength(3)
  })
})
