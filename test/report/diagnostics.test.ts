import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import type { Diagnostic } from '../../src/base/diagnostic.ts'
import { diagnosticsJson, diagnosticsText } from '../../src/report/diagnostics.ts'

const found: readonly Diagnostic[] = [
  {
    code: 'octal-address',
    severity: 'error',
    message: '"010.0.0.1" would be read as 8.0.0.1',
    hint: 'write 10.0.0.1',
    file: 'fwctl.yaml',
    line: 2,
    column: 11,
  },
  {
    code: 'schema',
    severity: 'warning',
    message: 'a tab before the caret',
    file: 'fwctl.yaml',
    line: 3,
    column: 4,
  },
  { code: 'backend-mixed', severity: 'info', message: 'evil \u001b[2K text' },
  { code: 'file-unreadable', severity: 'error', message: 'not there', file: 'other.yaml' },
]
const sources = new Map([['fwctl.yaml', 'rules:\n  source: 010.0.0.1\n\tx: y\n']])

test('findings in the terminal read as they always did', async () => {
  await expect(diagnosticsText(found, { colour: false, sources })).toMatchFileSnapshot(
    'golden/diagnostics.text',
  )
})

test('the caret stands under the column, even where the line is shown in escapes', () => {
  const lines = diagnosticsText(found, { colour: false, sources }).split('\n')
  const caretUnder = (index: number): string | undefined =>
    lines[index]?.[lines[index + 1]?.indexOf('^') ?? -1]
  expect(caretUnder(1)).toBe('0')
  expect(caretUnder(5)).toBe(' ')
})

test('of a line of a megabyte only what is around the column is shown', () => {
  const line = `${'x'.repeat(500_000)}HERE${'y'.repeat(500_000)}`
  const at = { file: 'one-line.json', line: 1, column: 500_001 }
  const finding: Diagnostic = { code: 'schema', severity: 'error', message: line, ...at }
  const text = diagnosticsText([finding], {
    colour: false,
    sources: new Map([['one-line.json', line]]),
  })
  expect(text.length).toBeLessThan(2000)
  const [, excerpt = '', caret = ''] = text.split('\n')
  expect(excerpt.slice(caret.indexOf('^')).startsWith('HERE')).toBe(true)
})

test('findings as JSON fit the published schema', async () => {
  const schema = JSON.parse(readFileSync('schemas/diagnostics.schema.json', 'utf8'))
  const validate = new Ajv2020({ allErrors: true, strict: true }).compile(schema)
  const json = diagnosticsJson(found)
  validate(JSON.parse(json))
  expect(validate.errors).toBeNull()
  expect(JSON.parse(json).summary).toEqual({ errors: 2, warnings: 1, infos: 1 })
})
