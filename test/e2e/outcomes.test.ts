import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Backend } from '../../src/ruleset/model.ts'
import type { CliNamespace } from './cli-namespace.ts'
import { type MountNamespace, mountNamespace, privateRun } from './mount-namespace.ts'
import { BACKENDS } from './namespace.ts'
import { rules, setUp } from './unconfirmed.ts'

/*
 * The ends that an apply can come to, as a script sees them: the exit code, the host, and after exit 5
 * the command that it is told to run. iptables-restore is made to fail by a stand-in that lies before
 * it in a mount namespace of the test's own.
 */

/** Fails from the nth call on that is to change something, up to the mth. */
const STAND_IN = `#!/bin/sh
case "$*" in *--counters*) ;; *) exec REAL "$@" ;; esac
n=$(($(cat COUNT 2> /dev/null || echo 0) + 1))
echo $n > COUNT
read -r from to 2> /dev/null < FAIL || exec REAL "$@"
[ $n -lt $from ] || [ $n -gt $to ] || { echo "line 2: out of memory" >&2; exit 4; }
exec REAL "$@"
`

interface Machine extends AsyncDisposable {
  readonly entry: MountNamespace['entry']
  fwctl(...argv: readonly string[]): { readonly code: number | null; readonly stderr: string }
  /** Which calls of iptables-restore fail, counted from the next one. */
  fail(from: number, to: number): void
  mend(): void
}

async function machine(it: CliNamespace, backend: Backend): Promise<Machine> {
  const namespace = await mountNamespace()
  // The xtables lock is there, and nobody else's test is to wait for it.
  await privateRun(namespace)
  await withStandIns(namespace, it, backend)
  const [fail, count] = [join(it.folder, 'fail'), join(it.folder, 'count')]
  const node = [process.execPath, join(import.meta.dirname, '../../dist/main.cjs')]
  return {
    entry: namespace.entry,
    fwctl: (...argv) => {
      const where = ['--netns', it.name, '--backend', backend, '--state-dir', it.stateDir]
      const [program = '', ...words] = [...namespace.entry, ...node, ...argv, ...where]
      const { status, stderr } = spawnSync(program, words, { encoding: 'utf8', env: {} })
      return { code: status, stderr }
    },
    fail: (from, to) => {
      rmSync(count, { force: true })
      writeFileSync(fail, `${from} ${to}\n`)
    },
    mend: () => rmSync(fail),
    [Symbol.asyncDispose]: () => namespace[Symbol.asyncDispose](),
  }
}

/** /usr/sbin is a folder of links to what is there, but for the stand-ins. */
async function withStandIns(
  { run }: MountNamespace,
  { folder }: CliNamespace,
  backend: Backend,
): Promise<void> {
  await run('mount', ['-t', 'tmpfs', 'tmpfs', '/mnt'])
  await run('mkdir', ['/mnt/sbin'])
  await run('mount', ['--bind', '/usr/sbin', '/mnt/sbin'])
  await run('mount', ['-t', 'tmpfs', 'tmpfs', '/usr/sbin'])
  await run('find', ['/mnt/sbin', '-mindepth', '1', '-exec', 'ln', '-s', '{}', '/usr/sbin/', ';'])
  for (const tool of ['iptables', 'ip6tables']) {
    const name = `${tool}-${backend}-restore`
    const path = join(folder, name)
    const text = STAND_IN.replaceAll('REAL', `/mnt/sbin/${name}`)
      .replaceAll('COUNT', join(folder, 'count'))
      .replaceAll('FAIL', join(folder, 'fail'))
    writeFileSync(path, text)
    chmodSync(path, 0o755)
    await run('ln', ['-sf', path, `/usr/sbin/${name}`])
  }
}

describe.each(BACKENDS)('on %s', (backend) => {
  const apply = (it: CliNamespace) =>
    ['apply', join(it.folder, 'fwctl.yaml'), '--auto-approve', '--rehearse', 'off'] as const

  test('a change is made as a whole or not at all, and the exit code says which', async () => {
    await using it = await setUp(backend)
    await using host = await machine(it, backend)
    const before = await rules(it)

    // IPv4 has been changed when IPv6 is refused.
    host.fail(2, 2)
    const refused = host.fwctl(...apply(it))
    expect(refused).toMatchObject({ code: 4 })
    expect(refused.stderr).toContain('has been put back as it was before')
    expect(await rules(it)).toBe(before)

    host.mend()
    expect(host.fwctl(...apply(it))).toMatchObject({ code: 0 })
    expect(await rules(it)).toContain('--dport 80')
    expect(host.fwctl('plan', join(it.folder, 'fwctl.yaml'), '--detailed-exitcode')).toMatchObject({
      code: 0,
    })
  })

  test('where the way back fails too, exit 5 tells the state and the command that mends it', async () => {
    await using it = await setUp(backend)
    await using host = await machine(it, backend)
    const before = await rules(it)
    host.fail(2, 1000)

    const { code, stderr } = host.fwctl(...apply(it))

    expect(code).toBe(5)
    expect(await rules(it)).not.toBe(before)
    expect(stderr).toContain('ipv4 filter INPUT: as planned')
    expect(stderr).toContain('all other chains are as before')
    const [, command = ''] = /by hand, on network namespace \S+: (.*)/.exec(stderr) ?? []
    expect(spawnSync('/bin/sh', ['-c', command], { encoding: 'utf8' })).toMatchObject({ status: 0 })
    expect(await rules(it)).toBe(before)

    host.mend()
    const next = host.fwctl(...apply(it))
    expect(next.stderr).toContain('was cut short before it changed anything')
    expect(next).toMatchObject({ code: 0 })
  })

  test('the next run goes on with the way back, says so while it fails, and then arrives', async () => {
    await using it = await setUp(backend)
    await using host = await machine(it, backend)
    const before = await rules(it)
    host.fail(2, 1000)
    expect(host.fwctl(...apply(it))).toMatchObject({ code: 5 })

    const looked = host.fwctl('plan', join(it.folder, 'fwctl.yaml'))
    expect(looked.stderr).toMatch(/An apply that began at .* was cut short/)
    host.fail(1, 1000)
    const again = host.fwctl('rollback', '--auto-approve')
    expect(again).toMatchObject({ code: 5 })
    expect(again.stderr).toMatch(/ipv4 filter INPUT: as planned.*by hand, on network namespace/)
    host.mend()
    const back = host.fwctl('rollback', '--auto-approve')

    expect(back).toMatchObject({ code: 0 })
    expect(back.stderr).toContain('it has been undone, and the host is as it was before')
    expect(await rules(it)).toBe(before)
  })
})

test('a program that does not let go of the xtables lock is waited for no longer than the limit', async () => {
  await using it = await setUp('legacy')
  await using host = await machine(it, 'legacy')
  const before = await rules(it)
  const [program = '', ...words] = [...host.entry, 'flock', '/run/xtables.lock', 'cat']
  const holder = spawn(program, words)
  holder.stdin.write('held\n')
  await once(holder.stdout, 'data')
  try {
    const policy = join(it.folder, 'fwctl.yaml')
    const busy = host.fwctl('apply', policy, '--auto-approve', '--lock-wait', '1')
    expect(busy).toMatchObject({ code: 75 })
    expect(busy.stderr).toContain('has held /run/xtables.lock for 1 s. Nothing was changed')
    expect(await rules(it)).toBe(before)
  } finally {
    holder.stdin.end()
    await once(holder, 'close')
  }
  expect(host.fwctl('apply', join(it.folder, 'fwctl.yaml'), '--auto-approve')).toMatchObject({
    code: 0,
  })
})
