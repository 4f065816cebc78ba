import { expect, test } from 'vitest'
import { cliNamespace } from './cli-namespace.ts'
import { BACKENDS } from './namespace.ts'

function policy(chains: string): string {
  return `apiVersion: fwctl/v1
metadata: { name: retired }
families: [ipv4]
tables:
  filter:
    chains:
${chains}`
}

const WITH = policy(`      INPUT: { rules: [{ protocol: tcp, jump: WEB }] }
      WEB: { rules: [{ jump: INNER }] }
      INNER: { rules: [{ jump: ACCEPT }] }
`)
const WITHOUT = policy(`      INPUT: { rules: [{ protocol: tcp, jump: ACCEPT }] }
`)

test.each(BACKENDS)(
  '%s: chains that the policy declared go when it no longer does, and no other chain goes',
  async (backend) => {
    await using it = await cliNamespace(backend)
    await it.load(
      'ipv4',
      '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:MINE - [0:0]\n-A MINE -j RETURN\nCOMMIT\n',
    )
    it.write('with.yaml', WITH)
    it.write('without.yaml', WITHOUT)
    expect((await it.fwctl(['apply', 'with.yaml', '--auto-approve'])).code).toBe(0)
    expect(await it.save('ipv4')).toContain(':WEB - ')

    const applied = await it.fwctl(['apply', 'without.yaml', '--auto-approve'])
    expect(applied).toMatchObject({ code: 0 })
    expect(applied.stdout).toContain('2 chains to remove')
    const save = await it.save('ipv4')
    expect(save).not.toContain('WEB')
    expect(save).not.toContain('INNER')
    expect(save).toContain(':MINE - ')
    const again = await it.fwctl(['plan', 'without.yaml', '--state-dir', it.stateDir])
    expect(again.stdout).toContain('No changes.\n')
  },
)
