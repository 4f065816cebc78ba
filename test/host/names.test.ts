import { expect, test } from 'vitest'
import { BUILTIN_NAMES } from '../../src/extensions/builtin-names.ts'
import { namesFrom } from '../../src/host/names.ts'

const names = namesFrom(
  {
    services:
      '# comment\nssh 22/tcp # shell\nweb\t8080/tcp www alias2\nweb 9090/udp\nssh 2222/tcp\n',
    protocols: 'ip\t0\tIP\nfoo 200 FOO\nbroken\n',
    passwd: 'root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n+nis\n',
    group: 'staff:x:50:alice\n',
  },
  BUILTIN_NAMES,
)

test('names mean what the files of the host say, the first line first', () => {
  expect(names.service('ssh', 'tcp')).toBe(22)
  expect(names.service('www', 'tcp')).toBe(8080)
  expect(names.service('web', 'udp')).toBe(9090)
  expect(names.service('web')).toBe(8080)
  expect(names.protocolNumber('FOO')).toBe(200)
  expect(names.protocolName(200)).toBe('foo')
  expect(names.user('alice')).toBe(1000)
  expect(names.group('staff')).toBe(50)
})

test('where the files are silent, the built-in names answer, and then nobody', () => {
  expect(names.protocolNumber('tcp')).toBe(6)
  expect(names.user('bob')).toBeUndefined()
  const bare = { services: undefined, protocols: undefined, passwd: undefined, group: undefined }
  expect(namesFrom(bare, BUILTIN_NAMES).protocolName(17)).toBe('udp')
})
