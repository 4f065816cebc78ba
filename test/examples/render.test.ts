import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runCli } from '../cli/run-cli.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples')
const NAMES = readdirSync(EXAMPLES, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
)

/** The only findings that an example shows on purpose. */
const EXPECTED_WARNINGS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes-node': ['dropped-from-family'],
}

describe.each(NAMES)('the example %s', (name) => {
  const policy = join('examples', name, 'policy.yaml')
  const families = /^families: \[(.*)\]$/m.exec(readFileSync(policy, 'utf8'))?.[1]?.split(', ')

  test('validates without findings but those it is there to show', async () => {
    const { code, stdout } = await runCli(['validate', policy, '--format', 'json'])
    const { diagnostics } = JSON.parse(stdout)
    expect(diagnostics.map((found: { code: string }) => found.code)).toEqual(
      EXPECTED_WARNINGS[name] ?? [],
    )
    expect(code).toBe(0)
  })

  test('is laid out as fmt lays it out', async () => {
    expect(await runCli(['fmt', '--check', policy])).toMatchObject({ code: 0 })
  })

  test.each(families ?? ['ipv4', 'ipv6'])('renders to its %s.rules', async (family) => {
    const { code, stdout } = await runCli(['render', policy, '--family', family])
    expect(code).toBe(0)
    await expect(stdout).toMatchFileSnapshot(join(EXAMPLES, name, `${family}.rules`))
  })
})

test('the values file of the NAT router gives another site', async () => {
  const policy = 'examples/nat-router/policy.yaml'
  const values = 'examples/nat-router/values.yaml'
  const { stdout } = await runCli(['render', policy, '--values', values])
  expect(stdout).toContain('-s 192.168.77.0/24 -o ppp0')
  expect(stdout).not.toContain('eth0')
})

test('the sets of the blocklist render to its sets.rules', async () => {
  const { code, stdout } = await runCli(['render', 'examples/blocklist/policy.yaml', '--sets'])
  expect(code).toBe(0)
  await expect(stdout).toMatchFileSnapshot(join(EXAMPLES, 'blocklist/sets.rules'))
})
