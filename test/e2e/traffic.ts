/** A gateway between two hosts, each in a network namespace, and traffic through it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { localExecutor } from '../../src/host/local-executor.ts'
import { type Scratch, scratchNamespace } from './namespace.ts'
import type { ClientReport, ServerReport, TrafficPeer } from './traffic-peer.ts'

const CLIENT = '198.51.100.2'
const SERVER = '203.0.113.2'

export interface Traffic extends AsyncDisposable {
  stop(): Promise<{ readonly client: ClientReport; readonly server: ServerReport }>
}

/** Makes `gateway` forward between two new namespaces, and traffic flow. */
export async function startTraffic(gateway: Scratch): Promise<Traffic> {
  const client = await scratchNamespace()
  const server = await scratchNamespace()
  await connectHost(gateway, client, { near: '198.51.100.1', far: CLIENT, name: 'client' })
  await connectHost(gateway, server, { near: '203.0.113.1', far: SERVER, name: 'server' })
  await gateway.run('sysctl', ['-q', '-w', 'net.ipv4.ip_forward=1'])
  const serving = await startPeer(server, { role: 'server', address: SERVER })
  const sending = await startPeer(client, { role: 'client', address: SERVER })
  return {
    stop: async () => ({
      client: (await sending.stop()) as ClientReport,
      server: (await serving.stop()) as ServerReport,
    }),
    [Symbol.asyncDispose]: async () => {
      await sending.kill()
      await serving.kill()
      await client[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

async function connectHost(
  gateway: Scratch,
  host: Scratch,
  { near, far, name }: { readonly near: string; readonly far: string; readonly name: string },
): Promise<void> {
  await gateway.run('ip', [
    'link',
    'add',
    name,
    'type',
    'veth',
    'peer',
    'name',
    'up0',
    'netns',
    `${host.pid}`,
  ])
  await gateway.run('ip', ['address', 'add', `${near}/24`, 'dev', name])
  await gateway.run('ip', ['link', 'set', name, 'up'])
  await host.run('ip', ['address', 'add', `${far}/24`, 'dev', 'up0'])
  await host.run('ip', ['link', 'set', 'up0', 'up'])
  await host.run('ip', ['route', 'add', 'default', 'via', near])
}

async function startPeer(
  host: Scratch,
  request: TrafficPeer,
): Promise<{ stop(): Promise<unknown>; kill(): Promise<void> }> {
  const nsenter = (await localExecutor().find('nsenter')) ?? 'nsenter'
  const script = join(import.meta.dirname, 'traffic-peer.ts')
  const node = [process.execPath, '--import', import.meta.resolve('tsx'), script]
  const child: ChildProcess = spawn(
    nsenter,
    [`--net=/proc/${host.pid}/ns/net`, '--', ...node, JSON.stringify(request)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const closed = once(child, 'close')
  if (child.stdin === null || child.stdout === null) throw new Error('no pipes')
  const { stdin } = child
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async (): Promise<unknown> => {
    const line = await lines.next()
    if (line.done) throw new Error(`the ${request.role} ended before its time`)
    return JSON.parse(line.value)
  }
  await next()
  return {
    stop: async () => {
      stdin.end()
      const report = await next()
      await closed
      return report
    },
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await closed
    },
  }
}
