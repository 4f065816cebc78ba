import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { CliNamespace } from './cli-namespace.ts'
import { type MountNamespace, mountNamespace, privateRun } from './mount-namespace.ts'
import { BACKENDS } from './namespace.ts'
import { pendingOf, rules, settled, setUp, startSession, until } from './unconfirmed.ts'
import { freshWatchdog } from './watchdog-bundle.ts'

/*
 * The watchdog as a transient timer of systemd. A real systemd as init is no part of a test: starting
 * one cleans up after the last boot, /tmp for instance. So systemd-run and systemctl are stand-ins, in
 * a mount namespace in which /run says that systemd is init. What they are told is what
 * systemd-run(1) documents; that systemd does it is taken from there.
 */

beforeAll(freshWatchdog)

/** Runs its command when the time is up, as nobody's child and with nothing in its environment. */
const SYSTEMD_RUN = `#!/bin/sh
[ ! -e refuses ] || exit 1
printf '%s\\n' "$@" > words
for word; do
  case $word in --on-active=*s) seconds=\${word#--on-active=}; seconds=\${seconds%s};; esac
done
while [ "$1" != -- ]; do shift; done
shift
setsid sh -c 'for i in $(seq $0); do sleep 1; [ -e words -a ! -e stopped ] || exit; done; cd /; exec env -i "$@"' \\
  "$seconds" "$@" < /dev/null > /dev/null 2>&1 &
`

const SYSTEMCTL = `#!/bin/sh
printf '%s\\n' "$*" >> stopped
`

interface Init extends AsyncDisposable {
  readonly entry: MountNamespace['entry']
  /** What one of the stand-ins has written. */
  wrote(file: 'words' | 'stopped'): string
  refuse(): void
}

async function systemdIsInit({ folder }: CliNamespace): Promise<Init> {
  const namespace = await mountNamespace()
  const { run } = namespace
  await privateRun(namespace, 'systemd/system')
  for (const [name, text] of Object.entries({ 'systemd-run': SYSTEMD_RUN, systemctl: SYSTEMCTL })) {
    const path = join(folder, name)
    // They are called in /.
    writeFileSync(path, text.replace('\n', `\ncd '${folder}'\n`))
    chmodSync(path, 0o755)
    await run('mount', ['--bind', path, `/usr/bin/${name}`])
  }
  return {
    entry: namespace.entry,
    wrote: (file) =>
      existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8') : '',
    refuse: () => writeFileSync(join(folder, 'refuses'), ''),
    // A timer that still runs sees that its folder is gone.
    [Symbol.asyncDispose]: () => namespace[Symbol.asyncDispose](),
  }
}

test.each(BACKENDS)(
  'where systemd is init, a timer on %s rolls back after fwctl, its parent and its session are killed',
  async (backend) => {
    await using it = await setUp(backend)
    await using init = await systemdIsInit(it)
    const before = await rules(it)
    const session = startSession(it, { backend, seconds: 4, within: init.entry })
    await until('it probes', async () => session.output().includes('Probing'))
    expect(await rules(it)).toContain('--dport 80')
    const { token, watchdog } = await pendingOf(it)
    expect(watchdog).toEqual({ kind: 'timer', unit: `fwctl-rollback-${token}` })

    session.kill()

    const ended = await settled(it, 'rolled-back')
    expect(ended.outcome).toBe('nobody confirmed it in time')
    expect(await rules(it)).toBe(before)
    const words = init.wrote('words').split('\n')
    expect(words).toContain(`--unit=fwctl-rollback-${token}`)
    expect(words).toContain('--on-active=4s')
    expect(words.slice(words.indexOf('--') + 1)[0]).toBe(process.execPath)
  },
)

test('confirming in time stops the timer, and the change stays', async () => {
  const backend = 'nft'
  await using it = await setUp(backend)
  await using init = await systemdIsInit(it)
  const session = startSession(it, { backend, seconds: 600, within: init.entry })
  await until('it probes', async () => session.output().includes('Probing'))
  const applied = await rules(it)
  const { token } = await pendingOf(it)
  const main = join(import.meta.dirname, '../../src/main.ts')
  const node = [process.execPath, '--import', import.meta.resolve('tsx'), main]
  const where = ['--netns', it.name, '--backend', backend, '--state-dir', it.stateDir]

  const [program = '', ...words] = [...init.entry, ...node, 'confirm', token, ...where]
  expect(spawnSync(program, words)).toMatchObject({ status: 0 })

  expect(init.wrote('stopped')).toBe(`stop fwctl-rollback-${token}.timer\n`)
  expect(await pendingOf(it)).toMatchObject({ state: 'confirmed' })
  expect(await rules(it)).toBe(applied)
  session.kill()
})

test('where systemd is init and will not make a timer, a process keeps watch', async () => {
  await using it = await setUp('nft')
  await using init = await systemdIsInit(it)
  init.refuse()
  const before = await rules(it)
  const session = startSession(it, { backend: 'nft', seconds: 3, within: init.entry })
  await until('it probes', async () => session.output().includes('Probing'))
  expect((await pendingOf(it)).watchdog).toMatchObject({ kind: 'process' })

  session.kill()

  await settled(it, 'rolled-back')
  expect(await rules(it)).toBe(before)
})
