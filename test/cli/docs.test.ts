import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { EXIT } from '../../src/cli/exit-codes.ts'
import { VERBS } from '../../src/cli/verb-table.ts'
import { runCli, temporaryFolder } from './run-cli.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

test('docs/errors.md explains every code of a finding, and no other', () => {
  const source = read('src/base/diagnostic.ts')
  const union = source.slice(
    source.indexOf('DiagnosticCode ='),
    source.indexOf('export type Severity'),
  )
  const codes = [...union.matchAll(/\| '([a-z-]+)'/g)].map(([, code]) => code)
  const headings = [...read('docs/errors.md').matchAll(/^### (\S+)$/gm)].map(([, code]) => code)
  expect(codes.length).toBeGreaterThan(40)
  expect(headings.toSorted()).toEqual(codes.toSorted())
})

test('README.md names every verb and every exit code', () => {
  const readme = read('README.md')
  for (const { name } of VERBS) expect(readme).toContain(`\`fwctl ${name}`)
  for (const code of Object.values(EXIT))
    expect(readme).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'))
})

test('the policy and the plan in README.md are real', async () => {
  using folder = temporaryFolder()
  const readme = read('README.md')
  const policy = /```yaml\n(.*?)```/s.exec(readme)?.[1] ?? ''
  const [, command = '', shown = ''] = /```\n\$ fwctl (.*)\n((?:.*\n)+?)```/.exec(readme) ?? []
  writeFileSync(join(folder.path, 'web.yaml'), policy)
  const argv = command.split(' ').map((word) => word.replace(/^examples/, join(ROOT, 'examples')))
  expect(await runCli(argv, { cwd: folder.path })).toMatchObject({ code: 0, stdout: shown })
})

test('relative links in the documents lead somewhere', () => {
  const documents = ['README.md', 'CHANGELOG.md', ...markdownIn('docs'), ...markdownIn('examples')]
  const broken = documents.flatMap((document) =>
    [...read(document).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].flatMap(([, target = '']) => {
      try {
        readdirSync(join(ROOT, dirname(document), target))
        return []
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'ENOTDIR' ? [] : [`${document}: ${target}`]
      }
    }),
  )
  expect(broken).toEqual([])
})

function markdownIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join(folder, path))
}
