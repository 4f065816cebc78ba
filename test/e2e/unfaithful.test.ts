import { expect, test } from 'vitest'
import { cliNamespace } from './cli-namespace.ts'

const POLICY = `apiVersion: fwctl/v1
metadata: { name: plain }
families: [ipv4]
tables:
  filter:
    chains:
      INPUT: { rules: [{ jump: ACCEPT }] }
`

test('a live rule that matches nothing is reported, and going back to it is refused', async () => {
  await using it = await cliNamespace('nft')
  await it.run('iptables-nft', ['-A', 'INPUT', '!', '-i', '+', '-j', 'DROP'])
  it.write('plain.yaml', POLICY)
  const plan = await it.fwctl(['plan', 'plain.yaml'])
  expect(plan.stdout + plan.stderr).toContain('"! +" matches no interface')

  expect((await it.fwctl(['apply', 'plain.yaml', '--auto-approve'])).code).toBe(0)
  const before = await it.save('ipv4')
  const back = await it.fwctl(['rollback', '--auto-approve'])
  expect(back.code).toBe(3)
  expect(back.stderr).toContain('does not come back as it was')
  expect(await it.save('ipv4')).toBe(before)
})
