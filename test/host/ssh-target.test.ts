import { expect, test } from 'vitest'
import { formatSshTarget, parseSshTarget, type SshTarget } from '../../src/host/ssh-target.ts'

test.each<[string, SshTarget]>([
  ['ssh://web', { host: 'web' }],
  ['ssh://web-1.example.com', { host: 'web-1.example.com' }],
  ['ssh://root@web', { host: 'web', user: 'root' }],
  ['ssh://root@192.0.2.1:2222', { host: '192.0.2.1', user: 'root', port: 2222 }],
  ['ssh://[2001:db8::1]', { host: '2001:db8::1' }],
  ['ssh://root@[fe80::1%eth0]:22', { host: 'fe80::1%eth0', user: 'root', port: 22 }],
  ['ssh://alice@example.org@web', { host: 'web', user: 'alice@example.org' }],
])('%s is understood, and written the same way', (text, target) => {
  expect(parseSshTarget(text)).toEqual(target)
  expect(formatSshTarget(target)).toBe(text)
})

test.each([
  'web',
  'ssh://',
  'ssh:///etc',
  'ssh://-oProxyCommand=reboot',
  'ssh://-l@web',
  'ssh://root@-web',
  'ssh://[::1',
  'ssh://::1',
  'ssh://[-oProxyCommand]',
  'ssh://web;reboot',
  'ssh://we$(reboot)b',
  'ssh://web/path',
  'ssh://web:0',
  'ssh://web:65536',
  'ssh://web:22:22',
  'ssh://a b@web',
  "ssh://a'b@web",
  'http://web',
])('%s is refused', (text) => {
  expect(() => parseSshTarget(text)).toThrow(
    expect.objectContaining({
      code: 'usage',
      message: expect.stringContaining('ssh://[USER@]HOST'),
    }),
  )
})
