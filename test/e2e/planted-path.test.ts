import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { cliNamespace } from './cli-namespace.ts'
import { freshWatchdog } from './watchdog-bundle.ts'

const POLICY = `apiVersion: fwctl/v1
tables: { filter: { chains: { INPUT: { rules: [{ in-interface: lo, jump: ACCEPT }] } } } }
`
const PROGRAMS = [
  ...['iptables', 'ip6tables'].flatMap((name) => [
    `${name}-save`,
    `${name}-restore`,
    `${name}-nft-save`,
    `${name}-nft-restore`,
  ]),
  ...['cat', 'flock', 'ip', 'ipset', 'nft', 'node', 'nsenter', 'readlink', 'unshare', 'true'],
  ...['systemctl', 'systemd-run'],
]

beforeAll(freshWatchdog)

test('programs that somebody has planted in the PATH are never run', async () => {
  await using it = await cliNamespace('nft')
  it.write('fwctl.yaml', POLICY)
  const planted = join(it.folder, 'bin')
  const marker = join(it.folder, 'marker')
  mkdirSync(planted)
  for (const program of PROGRAMS) {
    const path = join(planted, program)
    writeFileSync(path, `#!/bin/sh\necho ${program} >> ${marker}\n`)
    chmodSync(path, 0o755)
  }
  const { PATH } = process.env
  process.env.PATH = `${planted}:${PATH}`
  process.env.XTABLES_LIBDIR = planted
  try {
    const path = await it.fwctl(['doctor'])
    expect(path.stdout).not.toContain(planted)
    expect(await it.fwctl(['apply', '--auto-approve', '--confirm-within', '60s'])).toMatchObject({
      code: 0,
    })
    expect(await it.fwctl(['confirm'])).toMatchObject({ code: 0 })
    expect(await it.fwctl(['watch', '--once'])).toMatchObject({ code: 0 })
    expect(await it.fwctl(['rollback', '--auto-approve'])).toMatchObject({ code: 0 })
  } finally {
    process.env.PATH = PATH
    delete process.env.XTABLES_LIBDIR
  }
  expect(existsSync(marker)).toBe(false)
})
