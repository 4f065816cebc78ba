import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cliNamespace } from './cli-namespace.ts'

const ROOT = join(import.meta.dirname, '../..')

function runExample(name: string, ...args: readonly string[]): string {
  const run = spawnSync(process.execPath, ['--import', 'tsx', `examples/${name}`, ...args], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  expect(run, run.stderr).toMatchObject({ status: 0 })
  return run.stdout
}

test('the port forwards of the example are those of its last run', async () => {
  await using it = await cliNamespace('nft')
  runExample('port-forwards.ts', it.name, '8080=192.0.2.10:80', '8443=192.0.2.10:443')
  const shown = runExample('port-forwards.ts', it.name, '2222=192.0.2.11:22')
  expect(shown).toBe(
    '-N PORT-FORWARDS\n' +
      '-A PORT-FORWARDS -p tcp -m comment --comment "forward 2222" -m tcp --dport 2222 ' +
      '-j DNAT --to-destination 192.0.2.11:22\n',
  )
  const dump = await it.save('ipv4')
  expect(dump.match(/-j PORT-FORWARDS/g)).toHaveLength(2)
  expect(dump).toContain(
    '-d 192.0.2.11/32 -p tcp -m comment --comment "forward 2222" -m tcp --dport 22 ',
  )
})

test('the ban list of the example is one rule, however often it runs', async () => {
  await using it = await cliNamespace('nft')
  const first = runExample('ban-list.ts', it.name, '600', '198.51.100.7', '203.0.113.9')
  expect(first).toContain('the rule was put in front\n2 banned, 0 packets')
  const again = runExample('ban-list.ts', it.name, '600', '203.0.113.9')
  expect(again).toContain('the rule was there')
  const dump = await it.save('ipv4')
  expect(dump.match(/--match-set banned src/g)).toHaveLength(1)
})
