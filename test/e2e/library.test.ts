import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cliNamespace } from './cli-namespace.ts'

const ROOT = join(import.meta.dirname, '../..')

test('the example program plans and applies a policy with the built package', async () => {
  await using it = await cliNamespace('nft')
  const run = () =>
    spawnSync(
      process.execPath,
      [
        '--import',
        'tsx',
        'examples/library.ts',
        'examples/web-server/policy.yaml',
        it.name,
        it.stateDir,
      ],
      { cwd: ROOT, encoding: 'utf8' },
    )
  const first = run()
  expect(first, first.stderr).toMatchObject({ status: 0 })
  expect(first.stdout).toMatch(/^Plan: .*\n\nsnapshot \S+\n$/m)
  expect(run().stdout).toBe('No changes.\n\nunchanged\n')
  expect(await it.save('ipv6')).toContain('"ssh from the admins"')
})
