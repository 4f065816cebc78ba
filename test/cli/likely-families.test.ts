import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { likelyFamilies } from '../../src/cli/likely-families.ts'
import { temporaryFolder } from './run-cli.ts'

const BOTH = ['ipv4', 'ipv6']

test.each([
  ['in a list', 'apiVersion: fwctl/v1\nfamilies: [ipv4]\ntables: {}\n', ['ipv4']],
  ['in a list over lines', 'families:\n  - ipv6\ntables: {}\n', ['ipv6']],
  ['in a list over lines without indentation', 'families:\n- ipv6\ntables: {}\n', ['ipv6']],
  ['in JSON', '{ "apiVersion": "fwctl/v1",\n  "families": ["ipv6"],\n', ['ipv6']],
  ['both, in a list', 'families: [ipv4, ipv6]\n', BOTH],
  ['both, in a list over lines', 'families:\n  - ipv4\n  - ipv6\n', BOTH],
  ['nothing, which is both', 'apiVersion: fwctl/v1\ntables: {}\n', BOTH],
  ['a variable, which may be anything', 'families: [$' + '{family}]\n', BOTH],
  ['of a comment', '# families: [ipv4]\n', BOTH],
])(
  'the families that a policy names are known from its first lines: %s',
  (_what, text, families) => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'fwctl.yaml')
    writeFileSync(path, text)
    expect(likelyFamilies([join(folder.path, 'nothing'), path])).toEqual(families)
  },
)

test('what comes through a pipe is left to whoever reads the policy', () => {
  using folder = temporaryFolder()
  const pipe = join(folder.path, 'pipe')
  execFileSync('mkfifo', [pipe])
  expect(likelyFamilies([pipe])).toEqual(BOTH)
})

test('where there is no policy to be read, they are both', () => {
  expect(likelyFamilies([])).toEqual(BOTH)
  expect(likelyFamilies(['/nothing', '/proc/self', '-'])).toEqual(BOTH)
})
