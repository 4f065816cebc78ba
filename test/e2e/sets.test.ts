import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { type CliNamespace, cliNamespace } from './cli-namespace.ts'
import { BACKENDS } from './namespace.ts'

const RULES = `tables:
  filter:
    chains:
      INPUT:
        rules:
          - { match: { set: { match-set: block src } }, jump: DROP }
`
const NOTHING = 'apiVersion: fwctl/v1\ntables: { filter: { chains: { INPUT: { rules: [] } } } }\n'

function policy(sets: string, rules: string = RULES): string {
  return `apiVersion: fwctl/v1\nsets:\n${sets}\n${rules}`
}

/** Applies, makes sure that nothing is left to do then, and returns what was said. */
async function apply(it: CliNamespace, text: string): Promise<string> {
  it.write('fwctl.yaml', text)
  const { code, stderr } = await it.fwctl(['apply', '--auto-approve'])
  if (code !== 0) throw new Error(stderr)
  expect(await plan(it)).toBe('No changes.\n')
  return stderr
}

async function plan(it: CliNamespace, ...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await it.fwctl(['plan', '--state-dir', it.stateDir, ...args])
  if (code !== 0) throw new Error(stderr)
  return stdout
}

/** `ipset save` without what the kernel makes up, in one order. */
async function saved(it: CliNamespace): Promise<readonly string[]> {
  const text = await it.run('ipset', ['save'])
  const lines = text.trim().split('\n')
  return lines.map((line) => line.replace(/ (hashsize \d+|bucketsize.*)/g, '')).sort()
}

describe.each(BACKENDS)('sets on %s', (backend) => {
  test('are made before the rules that use them, changed under them and gone after them', async () => {
    await using it = await cliNamespace(backend)
    await it.run('ipset', ['restore'], 'create others hash:ip\nadd others 192.0.2.99\n')
    await apply(
      it,
      policy('  block: { type: hash:net, entries: [192.0.2.0/24, 10.0.0.5-10.0.0.6] }'),
    )
    expect(await saved(it)).toEqual([
      'add block 10.0.0.5',
      'add block 10.0.0.6',
      'add block 192.0.2.0/24',
      'add others 192.0.2.99',
      'create block hash:net family inet maxelem 65536',
      'create others hash:ip family inet maxelem 65536',
    ])
    const next = policy('  block: { type: hash:net, entries: [192.0.2.0/24, 10.9.0.0/16] }')
    it.write('fwctl.yaml', next)
    expect(await plan(it)).toContain('    - 10.0.0.5\n    - 10.0.0.6\n    + 10.9.0.0/16\n')
    await apply(it, next)
    expect(await saved(it)).toContain('add block 10.9.0.0/16')
    await apply(it, NOTHING)
    expect(await saved(it)).toEqual([
      'add others 192.0.2.99',
      'create others hash:ip family inet maxelem 65536',
    ])
  })

  test('come back with a rollback, entries and options', async () => {
    await using it = await cliNamespace(backend)
    await apply(it, policy('  block: { type: hash:net, entries: [192.0.2.0/24] }'))
    const before = await saved(it)
    const more = '  more: { type: hash:ip, entries: [10.0.0.1] }'
    await apply(
      it,
      policy(`  block: { type: hash:net, counters: true, entries: [10.0.0.0/8] }\n${more}`),
    )
    expect(await saved(it)).not.toEqual(before)
    expect(await it.fwctl(['rollback', '--auto-approve'])).toMatchObject({ code: 0 })
    expect(await saved(it)).toEqual(before)
    const snapshots = join(it.stateDir, 'targets', `netns-${it.name}`, 'snapshots')
    const [last = ''] = readdirSync(snapshots).slice(-1)
    const text = readFileSync(join(snapshots, last, 'sets.rules'), 'utf8')
    expect(text).toContain('add block 10.0.0.0/8 packets 0 bytes 0\n')
  })
})

const EVERY_TYPE = `
  block: { type: hash:net, timeout: 100, counters: true, entries: [{ entry: 10.0.0.0/8, comment: "x y", timeout: 50 }, 192.0.2.1, { entry: 10.1.0.0/16, nomatch: true, timeout: 0 }] }
  masked: { type: hash:ip, netmask: 24, entries: [10.0.0.0/22] }
  services: { type: "hash:ip,port", entries: ["10.0.0.1,tcp:80-82", "10.0.0.1,icmp:ping", "10.0.0.1,vrrp:0"] }
  links: { type: "hash:net,iface", entries: [{ entry: "10.0.0.0/8,eth", wildcard: true }, "10.0.0.0/8,eth0", "0.0.0.0/0,physdev:lo"] }
  bits: { type: bitmap:ip, range: 10.0.0.0/24, entries: [10.0.0.0/28] }
  macs: { type: "bitmap:ip,mac", range: 10.0.0.0/24, entries: [10.0.0.1, "10.0.0.2,aa:bb:cc:dd:ee:f"] }
  ports: { type: bitmap:port, range: 1-1024, entries: [80, 100-110] }
  all: { type: list:set, entries: [ports, bits, masked] }
  six: { type: "hash:ip,port,net", family: inet6, entries: ["2001:db8::1,udp:53,2001:db8::/32"] }
  marked: { type: hash:ip, entries: [{ entry: 10.0.0.1, skbmark: 0x10/0xff, skbprio: "1:10", skbqueue: 3 }] }
  sized: { type: hash:ip, forceadd: true, hashsize: 4096, maxelem: 200000, bucketsize: 8, entries: [10.0.0.1] }
  pairs: { type: "hash:ip,port,ip", entries: ["10.0.0.1,80,10.0.0.2"] }
  exceptions: { type: "hash:net,port", entries: ["10.0.0.0/8,80 nomatch", "10.0.0.0/24,80"] }`

test('sets of every type that this kernel has, with every option, are in sync once they are applied', async () => {
  await using it = await cliNamespace('nft')
  await apply(it, policy(EVERY_TYPE))
  const { code, stderr } = await it.fwctl(['validate', '--kernel'])
  expect([code, stderr]).toEqual([0, expect.stringContaining('The kernel takes it.')])
})

describe('a set with other options', () => {
  test('takes the place of the old one under the rules, with what was counted', async () => {
    await using it = await cliNamespace('nft')
    await apply(it, policy('  block: { type: hash:ip, counters: true, entries: [10.0.0.1] }'))
    await it.run('ipset', ['add', 'block', '10.0.0.1', 'packets', '7', 'bytes', '8', '-exist'])
    await apply(
      it,
      policy(
        '  block: { type: hash:ip, counters: true, timeout: 0, maxelem: 70000, entries: [10.0.0.1, 10.0.0.2] }',
      ),
    )
    expect(await saved(it)).toEqual([
      'add block 10.0.0.1 timeout 0 packets 7 bytes 8',
      'add block 10.0.0.2 timeout 0 packets 0 bytes 0',
      'create block hash:ip family inet maxelem 70000 timeout 0 counters',
    ])
    await apply(it, policy('  block: { type: bitmap:ip, range: 10.0.0.0/24, entries: [10.0.0.1] }'))
    expect(await saved(it)).toContain('create block bitmap:ip range 10.0.0.0-10.0.0.255')
  })

  test('of a type that the kernel can not swap in is refused while rules use it, made when none does', async () => {
    await using it = await cliNamespace('nft')
    const free = '  free: { type: hash:ip, entries: [10.0.0.1] }'
    await apply(it, policy(`  block: { type: hash:ip, entries: [10.0.0.1] }\n${free}`))
    const before = await saved(it)
    it.write('fwctl.yaml', policy(`  block: { type: hash:net, entries: [10.0.0.0/8] }\n${free}`))
    const refused = await it.fwctl(['apply', '--auto-approve'])
    expect(refused).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('under another name'),
    })
    expect(await saved(it)).toEqual(before)
    await apply(
      it,
      policy(
        '  block: { type: hash:ip, entries: [10.0.0.1] }\n  free: { type: hash:net, entries: [10.0.0.0/8] }',
      ),
    )
    expect(await saved(it)).toContain('create free hash:net family inet maxelem 65536')
    // The way that the message shows: another name, and the rules move over.
    await apply(
      it,
      policy(
        '  block-nets: { type: hash:net, entries: [10.0.0.0/8] }',
        RULES.replace('block src', 'block-nets src'),
      ),
    )
    expect((await saved(it)).filter((line) => line.startsWith('create'))).toEqual([
      'create block-nets hash:net family inet maxelem 65536',
    ])
  })
})

test('entries that rules or others add stay, also when the set is made anew', async () => {
  await using it = await cliNamespace('nft')
  const rules = `${RULES}          - { jump: { SET: { add-set: seen src } } }
          - { jump: { SET: { add-set: shared src } } }
`
  const text = policy(
    `  block: { type: hash:ip, entries: [10.0.0.1] }
  seen: { type: hash:ip, timeout: 60 }
  shared: { type: hash:ip, timeout: 60, entries: [{ entry: 10.1.1.1, timeout: 0 }] }`,
    rules,
  )
  await apply(it, text)
  await it.run('ipset', ['restore'], 'add seen 192.0.2.1\nadd shared 192.0.2.1\n')
  expect(await plan(it)).toBe('No changes.\n')
  await apply(it, text.replaceAll('timeout: 60', 'timeout: 90'))
  const entries = (await saved(it)).map((line) => line.replace(/ timeout [1-9]\d*$/, ' timeout N'))
  expect(entries.slice(0, 4)).toEqual([
    'add block 10.0.0.1',
    'add seen 192.0.2.1 timeout N',
    'add shared 10.1.1.1 timeout 0',
    'add shared 192.0.2.1 timeout N',
  ])
})

test('a set that others use by now stays, and goes when they do not any more', async () => {
  await using it = await cliNamespace('nft')
  const block = '  block: { type: hash:ip, entries: [10.0.0.1] }'
  await apply(it, policy(`${block}\n  mine: { type: hash:ip, entries: [] }`))
  await it.run('iptables-legacy', ['-A', 'OUTPUT', '-m', 'set', '--match-set', 'mine', 'src'])
  expect(await apply(it, policy(block))).toContain('set mine is declared no more, but stays')
  expect(await saved(it)).toContain('create mine hash:ip family inet maxelem 65536')
  await it.run('iptables-legacy', ['-F', 'OUTPUT'])
  await apply(it, policy(block))
  expect(await saved(it)).not.toContain('create mine hash:ip family inet maxelem 65536')
})

test('a saved plan holds while the sets are those that it was made from', async () => {
  await using it = await cliNamespace('nft')
  it.write('fwctl.yaml', policy('  block: { type: hash:ip, entries: [10.0.0.1] }'))
  await plan(it, '--out', 'plan.json')
  await it.run('ipset', ['restore'], 'create block hash:ip\n')
  expect(await it.fwctl(['apply', 'plan.json'])).toMatchObject({ code: 3 })
  await plan(it, '--out', 'plan.json', '--rehearse')
  expect(await it.fwctl(['apply', 'plan.json'])).toMatchObject({ code: 0 })
  expect(await plan(it)).toBe('No changes.\n')
})

test('what was changed in a set behind fwctl is drift', async () => {
  await using it = await cliNamespace('nft')
  await apply(it, policy('  block: { type: hash:ip, entries: [10.0.0.1, 10.0.0.2] }'))
  const drift = ['drift', '--netns', it.name, '--backend', 'nft', '--state-dir', it.stateDir]
  expect(await it.fwctl(drift)).toMatchObject({ code: 0 })
  await it.run('ipset', ['restore'], 'del block 10.0.0.1\nadd block 10.0.0.9\n')
  const found = await it.fwctl(drift)
  expect(found.code).toBe(2)
  expect(found.stdout).toContain('  block\n    - 10.0.0.1\n    + 10.0.0.9\n')
  const json = JSON.parse((await it.fwctl([...drift, '--format', 'json'])).stdout)
  expect(json.sets).toMatchObject([{ set: 'block', missing: { count: 1 }, extra: { count: 1 } }])
})

test('an unconfirmed change of sets is taken back with its rules', async () => {
  await using it = await cliNamespace('nft')
  await apply(it, policy('  block: { type: hash:ip, entries: [10.0.0.1] }'))
  const before = await saved(it)
  it.write(
    'fwctl.yaml',
    policy(
      '  block: { type: hash:ip, counters: true, entries: [10.0.0.2] }\n  more: { type: hash:ip }',
    ),
  )
  const pending = ['apply', '--auto-approve', '--confirm-within', '300s']
  expect(await it.fwctl(pending)).toMatchObject({ code: 0 })
  expect(await saved(it)).not.toEqual(before)
  expect(await it.fwctl(['rollback', '--auto-approve'])).toMatchObject({ code: 0 })
  expect(await saved(it)).toEqual(before)
  // Its watchdog stands down when it reads so, which it can not once the folder is gone.
  await vi.waitFor(() => expect(watchdogs(it)).toEqual([]), { timeout: 10_000 })
})

/** The processes that were started to take a change back. */
function watchdogs(it: CliNamespace): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${it.stateDir}/`)
      } catch {
        return false
      }
    })
}

test('after a restart, sets come back before the rules that use them', async () => {
  await using it = await cliNamespace('nft')
  await apply(it, policy('  block: { type: hash:ip, entries: [10.0.0.1] }'))
  const before = await saved(it)
  await it.run('iptables-nft', ['-F'])
  await it.run('ipset', ['destroy', 'block'])
  expect(await it.fwctl(['restore'])).toMatchObject({ code: 0 })
  expect(await saved(it)).toEqual(before)
  expect(await plan(it)).toBe('No changes.\n')
})

const LIVE_SETS = `create b hash:net family inet6 counters comment
add b 2001:db8::/32 comment "x: y"
add b 2001:db9::/32 nomatch
create seen hash:ip timeout 60
add seen 10.0.0.1
create p bitmap:port range 0-100
add p 80
create l list:set
add l p
create n hash:net,iface hashsize 4096 maxelem 7
add n 10.0.0.0/8,eth0
add n 10.0.0.0/8,eth wildcard
create unused hash:ip
create odd hash:ip,port,ip
`

test('imported rules bring their sets along, and the policy plans to no change', async () => {
  await using it = await cliNamespace('nft')
  await it.run('ipset', ['restore'], LIVE_SETS)
  const uses = ['seen src', 'l src', 'odd src', 'n src,src'].map(
    (use) => `-A INPUT -m set --match-set ${use} -j DROP\n`,
  )
  await it.load('ipv4', `*filter\n${uses.join('')}COMMIT\n`)
  await it.load('ipv6', '*filter\n-A INPUT -m set --match-set b src -j DROP\nCOMMIT\n')
  expect(await it.fwctl(['import', '--out', 'fwctl.yaml'])).toMatchObject({ code: 0 })
  expect(await plan(it)).toBe('No changes.\n')
  const text = readFileSync(join(it.folder, 'fwctl.yaml'), 'utf8')
  expect(text).toContain('entries: [{ entry: 2001:db8::/32, comment: "x: y" }, ')
  expect(text).toContain('are left as they are: they have timeouts.')
  // Nobody uses the one, and no policy could declare the other: its rule never matches.
  expect(text).not.toMatch(/^ {2}(unused|odd):/m)
})

test('100,000 entries from a file are loaded by one ipset restore, and a few of them edited by a few lines', async () => {
  await using it = await cliNamespace('nft')
  const address = (i: number): string => `10.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`
  const entries = Array.from({ length: 100_000 }, (_, i) => address(i))
  mkdirSync(join(it.folder, 'lists'))
  const file = join(it.folder, 'lists/block.txt')
  writeFileSync(file, `# many\n${entries.join('\n')}\n`)
  it.write('fwctl.yaml', policy('  block: { type: hash:ip, entries-from: lists/block.txt }'))
  expect(await ipsetRestores(it)).toBe(1)
  expect((await it.run('ipset', ['list', '-terse', 'block'])).trim()).toMatch(/entries: 100000$/)
  writeFileSync(file, `${entries.slice(2).join('\n')}\n192.0.2.1\n`)
  expect(await plan(it)).toContain(`    - ${address(0)}\n    - ${address(1)}\n    + 192.0.2.1\n`)
  expect(await ipsetRestores(it)).toBe(1)
  expect(await plan(it)).toBe('No changes.\n')
})

/** How often an apply without rehearsal starts `ipset restore`. */
async function ipsetRestores(it: CliNamespace): Promise<number> {
  const log = ['--log-level', 'debug', '--log-format', 'json']
  const { code, stderr } = await it.fwctl(['apply', '--auto-approve', '--rehearse', 'off', ...log])
  if (code !== 0) throw new Error(stderr)
  const ran = stderr.split('\n').filter((line) => line.startsWith('{'))
  return ran.filter((line) => /ipset/.test(line) && /"restore"/.test(line)).length
}
