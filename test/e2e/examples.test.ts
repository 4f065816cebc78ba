import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { FAMILIES } from '../../src/ruleset/model.ts'
import { cliNamespace } from './cli-namespace.ts'
import { BACKENDS, withoutCounters, withoutTimes } from './namespace.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples')
const NAMES = readdirSync(EXAMPLES, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
)

/** What other tools have left behind before fwctl came. */
const LIVED_IN = `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -j KUBE-SERVICES
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER-USER - [0:0]
:KUBE-FIREWALL - [0:0]
:f2b-sshd - [0:0]
[7:420] -A INPUT -j KUBE-FIREWALL
[5:300] -A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
[9:540] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
[3:180] -A FORWARD -j DOCKER-USER
[3:180] -A DOCKER-USER -j RETURN
[5:300] -A f2b-sshd -j RETURN
COMMIT
`

describe.each(BACKENDS)('on %s', (backend) => {
  test.each(NAMES)('the example %s applies, plans to nothing, and rolls back', async (name) => {
    const policy = join(EXAMPLES, name, 'policy.yaml')
    await using it = await cliNamespace(backend)
    for (const family of FAMILIES) await it.load(family, LIVED_IN)
    const before = [await it.save('ipv4'), await it.save('ipv6')]

    const applied = await it.fwctl(['apply', policy, '--auto-approve'])
    expect(applied).toMatchObject({ code: 0, stderr: expect.stringContaining('Applied') })

    const planned = await it.fwctl(['plan', policy, '--detailed-exitcode'])
    expect(planned).toMatchObject({ code: 0, stdout: expect.stringMatching(/^No changes\.$/m) })
    const during = await it.save('ipv4')
    expect(during).toContain('-j f2b-sshd')
    expect(during).toContain('-A PREROUTING -j KUBE-SERVICES')

    expect(await it.fwctl(['rollback', '--auto-approve'])).toMatchObject({ code: 0 })
    const after = [await it.save('ipv4'), await it.save('ipv6')]
    expect(after.map(withoutCounters)).toEqual(before.map(withoutCounters))
  })

  test.each(NAMES)('the golden files of %s are what the kernel saves', async (name) => {
    await using it = await cliNamespace(backend)
    const sets = readGolden(name, 'sets')
    if (sets !== undefined) await it.run('ipset', ['restore'], sets)
    for (const family of FAMILIES) {
      const golden = readGolden(name, family)
      if (golden === undefined) continue
      await it.load(family, golden)
      const saved = withoutCounters(await it.save(family)).replaceAll(/^\[0:0\] /gm, '')
      expect(sorted(saved)).toEqual(sorted(golden))
    }
  })
})

function readGolden(name: string, family: string): string | undefined {
  try {
    return withoutTimes(readFileSync(join(EXAMPLES, name, `${family}.rules`), 'utf8'))
  } catch {
    return undefined
  }
}

/** The back ends differ in the order of tables. */
function sorted(dump: string): string[] {
  return dump.split(/(?<=^COMMIT\n)/m).sort()
}
