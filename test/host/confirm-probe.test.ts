import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { parseProbe, probeUntilOpen } from '../../src/host/confirm-probe.ts'
import { localExecutor } from '../../src/host/local-executor.ts'

test.each([
  ['tcp://203.0.113.7:22', { host: '203.0.113.7', port: 22 }],
  ['tcp://controller.example:443', { host: 'controller.example', port: 443 }],
  ['tcp://[2001:db8::1]:65535', { host: '2001:db8::1', port: 65_535 }],
])('%s', (text, probe) => {
  expect(parseProbe(text)).toEqual(probe)
})

test.each([
  'controller:22',
  'tcp://controller',
  'tcp://controller:0',
  'tcp://controller:65536',
  'tcp://-e:22',
  'tcp://a b:22',
  'tcp://2001:db8::1:22',
  'http://controller:80',
  'udp://controller:53',
  'tcp://controller:22/path',
])('"%s" is no probe', (text) => {
  expect(() => parseProbe(text)).toThrow('tcp://HOST:PORT')
})

test('a probe is open once somebody listens, and closed when the signal comes first', async () => {
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const open = { host: '127.0.0.1', port: address.port }
  const closed = { host: '127.0.0.1', port: 1 }
  const probe = (...probes: (typeof open)[]) =>
    probeUntilOpen(localExecutor(), probes, AbortSignal.timeout(2500))

  expect(await probe(open)).toBe(true)
  expect(await probe(open, closed)).toBe(false)
  server.close()
})
