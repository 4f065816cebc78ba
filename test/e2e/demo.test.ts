import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

/** What the demo could leave behind, and what of this machine it must not touch. */
function surroundings() {
  const run = (program: string, ...args: string[]): string =>
    spawnSync(program, args, { encoding: 'utf8' }).stdout
  return {
    namespaces: run('ip', 'netns', 'list')
      .split('\n')
      .filter((line) => line.startsWith('fwctl-demo')),
    folders: readdirSync(tmpdir()).filter((name) => name.startsWith('fwctl-demo')),
    rules: run('iptables-save').replaceAll(/^#.*\n/gm, ''),
  }
}

test.each([
  [
    'with a kernel',
    [],
    [
      'Plan: ',
      'Applied and verified',
      'No changes.',
      '-A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT',
    ],
  ],
  ['offline', ['--offline'], ['is valid', 'Plan: ', '@@', 'No changes.']],
] as const)('the demo %s runs twice in a row and leaves nothing behind', (_, argv, said) => {
  const before = surroundings()
  for (let round = 0; round < 2; round++) {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/demo.mjs', ...argv], {
      cwd: ROOT,
      encoding: 'utf8',
    })
    expect(status, stdout + stderr).toBe(0)
    for (const text of said) expect(stdout).toContain(text)
  }
  expect(surroundings()).toEqual(before)
})
