import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type CliNamespace, cliNamespace } from './cli-namespace.ts'
import { BACKENDS } from './namespace.ts'

const RULES = `tables:
  filter:
    chains:
      INPUT:
        rules:
          - { match: { set: { match-set: block src } }, jump: DROP }
`

function policy(sets: string, rules: string = RULES): string {
  return `apiVersion: fwctl/v1\nsets:\n${sets}\n${rules}`
}

async function apply(it: CliNamespace, text: string): Promise<void> {
  it.write('fwctl.yaml', text)
  const result = await it.fwctl(['apply', '--auto-approve'])
  expect(result).toMatchObject({ code: 0 })
  await expectInSync(it)
}

async function plan(it: CliNamespace, ...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await it.fwctl(['plan', '--state-dir', it.stateDir, ...args])
  if (code !== 0) throw new Error(stderr)
  return stdout
}

async function expectInSync(it: CliNamespace): Promise<void> {
  expect(await plan(it)).toBe('No changes.\n')
}

/** `ipset save` without what the kernel makes up. */
async function saved(it: CliNamespace): Promise<readonly string[]> {
  const text = await it.run('ipset', ['save'])
  return text
    .trim()
    .split('\n')
    .map((line) => line.replace(/ hashsize.*(?= (timeout|counters|comment)|$)/, '').trim())
    .sort()
}

describe.each(BACKENDS)('sets on %s', (backend) => {
  test('are made before the rules that use them, changed under them and gone after them', async () => {
    await using it = await cliNamespace(backend)
    await it.run('ipset', ['restore'], 'create others hash:ip\nadd others 192.0.2.99\n')
    await apply(
      it,
      policy('  block: { type: hash:net, entries: [192.0.2.0/24, 10.0.0.5-10.0.0.6] }'),
    )
    expect(await saved(it)).toEqual([
      'add block 10.0.0.5',
      'add block 10.0.0.6',
      'add block 192.0.2.0/24',
      'add others 192.0.2.99',
      'create block hash:net family inet',
      'create others hash:ip family inet',
    ])
    it.write(
      'fwctl.yaml',
      policy('  block: { type: hash:net, entries: [192.0.2.0/24, 10.9.0.0/16] }'),
    )
    expect(await plan(it)).toContain('    - 10.0.0.5\n    - 10.0.0.6\n    + 10.9.0.0/16\n')
    await apply(it, policy('  block: { type: hash:net, entries: [192.0.2.0/24, 10.9.0.0/16] }'))
    expect(await saved(it)).toContain('add block 10.9.0.0/16')
    // The policy declares neither the set nor the rule any more.
    await apply(
      it,
      'apiVersion: fwctl/v1\ntables: { filter: { chains: { INPUT: { rules: [] } } } }\n',
    )
    expect(await saved(it)).toEqual(['add others 192.0.2.99', 'create others hash:ip family inet'])
  })

  test('come back with a rollback, entries and options', async () => {
    await using it = await cliNamespace(backend)
    await apply(it, policy('  block: { type: hash:net, entries: [192.0.2.0/24] }'))
    const before = await saved(it)
    await apply(
      it,
      policy(
        '  block: { type: hash:net, counters: true, entries: [10.0.0.0/8] }\n  more: { type: hash:ip, entries: [10.0.0.1] }',
      ),
    )
    expect(await saved(it)).not.toEqual(before)
    const back = await it.fwctl(['rollback', '--auto-approve'])
    expect(back).toMatchObject({ code: 0 })
    expect(await saved(it)).toEqual(before)
    const [snapshot = ''] = readdirSync(
      join(it.stateDir, 'targets', `netns-${it.name}`, 'snapshots'),
    ).slice(-1)
    const folder = join(it.stateDir, 'targets', `netns-${it.name}`, 'snapshots', snapshot)
    expect(readFileSync(join(folder, 'sets.rules'), 'utf8')).toContain('add block 10.0.0.0/8')
  })
})
