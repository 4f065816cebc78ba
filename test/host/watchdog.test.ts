import { expect, test } from 'vitest'
import { stateDirPaths } from '../../src/host/state-dir.ts'
import { timerArguments } from '../../src/host/watchdog.ts'

test('where systemd is init, a transient timer runs the copy in the state directory', () => {
  const stateDir = stateDirPaths('/var/lib/fwctl', {})
  const args = timerArguments({ stateDir, token: 'abcd1234', withinSeconds: 90 })
  expect(args).toContain('--unit=fwctl-rollback-abcd1234')
  expect(args).toContain('--on-active=90s')
  expect(args.slice(args.indexOf('--'))).toEqual([
    '--',
    process.execPath,
    '/var/lib/fwctl/watchdog.mjs',
    '/var/lib/fwctl',
    'abcd1234',
  ])
})
