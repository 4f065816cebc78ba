/** A gateway between two hosts, each in a network namespace, and traffic through it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { localExecutor } from '../../src/host/local-executor.ts'
import { type Scratch, scratchNamespace } from './namespace.ts'
import { type ClientReport, PORTS, type ServerReport, type TrafficPeer } from './traffic-peer.ts'

const CLIENT = '198.51.100.2'
const SERVER = '203.0.113.2'

export interface Traffic extends AsyncDisposable {
  /** Ends it, and says what became of it. */
  stop(): Promise<TrafficReport>
}

export interface TrafficReport {
  readonly client: ClientReport
  readonly server: ServerReport
  /** Packets of what is accepted, as the hosts themselves have counted them, in either direction. */
  readonly packets: Readonly<Record<'toServer' | 'toClient', Passed>>
}

export interface Passed {
  readonly sent: number
  readonly arrived: number
}

/** A namespace that lasts as long as the process. */
export type Gateway = Pick<Scratch, 'pid' | 'run'>

/** Makes `gateway` forward between two new namespaces, and traffic flow. */
export async function startTraffic(gateway: Gateway): Promise<Traffic> {
  const client = await scratchNamespace()
  const server = await scratchNamespace()
  await connectHost(gateway, client, { near: '198.51.100.1', far: CLIENT, name: 'client' })
  await connectHost(gateway, server, { near: '203.0.113.1', far: SERVER, name: 'server' })
  await gateway.run('sysctl', ['-q', '-w', 'net.ipv4.ip_forward=1'])
  await countPackets(client, { to: '--dport', from: '--sport' })
  await countPackets(server, { to: '--sport', from: '--dport' })
  const serving = await startPeer(server, { role: 'server', address: SERVER })
  const sending = await startPeer(client, { role: 'client', address: SERVER })
  return {
    stop: async () => {
      const reports = {
        client: (await sending.report()) as ClientReport,
        server: (await serving.report()) as ServerReport,
      }
      const packets = await settledPackets(client, server)
      await sending.stop()
      await serving.stop()
      return { ...reports, packets }
    },
    [Symbol.asyncDispose]: async () => {
      await sending.kill()
      await serving.kill()
      await client[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

async function connectHost(
  gateway: Gateway,
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

/** Rules without a target, on the hosts beside the gateway: nobody changes them. */
async function countPackets(
  host: Scratch,
  port: { readonly to: string; readonly from: string },
): Promise<void> {
  const rules = ['tcp', 'udp'].flatMap((protocol) => [
    `-A OUTPUT -p ${protocol} ${port.to} ${PORTS.accepted}`,
    `-A INPUT -p ${protocol} ${port.from} ${PORTS.accepted}`,
  ])
  const chains = ['INPUT', 'FORWARD', 'OUTPUT'].map((chain) => `:${chain} ACCEPT [0:0]`)
  await host.load('nft', 'ipv4', ['*filter', ...chains, ...rules, 'COMMIT', ''].join('\n'))
}

/** The last ones may still be on their way. */
async function settledPackets(client: Scratch, server: Scratch): Promise<TrafficReport['packets']> {
  for (let patience = 40; ; patience--) {
    const [near, far] = [await packetsOf(client), await packetsOf(server)]
    const toServer = { sent: near.OUTPUT, arrived: far.INPUT }
    const toClient = { sent: far.OUTPUT, arrived: near.INPUT }
    const isSettled = [toServer, toClient].every(({ sent, arrived }) => sent === arrived)
    if (isSettled || patience === 0) return { toServer, toClient }
    await setTimeout(50)
  }
}

async function packetsOf(host: Scratch): Promise<Record<'INPUT' | 'OUTPUT', number>> {
  const counts = { INPUT: 0, OUTPUT: 0 }
  const dump = await host.save('nft', 'ipv4')
  for (const [, count, chain] of dump.matchAll(/^\[(\d+):\d+\] -A (INPUT|OUTPUT) /gm)) {
    counts[chain as keyof typeof counts] += Number(count)
  }
  return counts
}

async function startPeer(
  host: Scratch,
  request: TrafficPeer,
): Promise<{ report(): Promise<unknown>; stop(): Promise<void>; kill(): Promise<void> }> {
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
    report: () => {
      stdin.write('report\n')
      return next()
    },
    stop: async () => {
      stdin.end()
      await closed
    },
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await closed
    },
  }
}
