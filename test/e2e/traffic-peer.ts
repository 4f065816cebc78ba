/**
 * One end of the traffic that traffic.ts sends through a gateway: a process in a namespace of its
 * own, with a request as JSON. It prints one JSON line when it is ready, and another when it is asked
 * for its report, by a line on stdin; from then on it is quiet, until its stdin ends.
 */
import { createSocket, type Socket as Datagrams } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'

/** What the policies let through, and what they do not. */
export const PORTS = { accepted: 8080, denied: 8081 } as const

export interface TrafficPeer {
  readonly role: 'client' | 'server'
  /** Of the server. */
  readonly address: string
}

export interface ServerReport {
  /** Packets and connections that should not have got through. */
  readonly denied: number
  readonly accepted: number
  readonly retransmitted: number
}

export interface ClientReport {
  readonly sent: Readonly<Record<'newTcp' | 'newUdp' | 'oldTcp' | 'oldUdp', number>>
  /** What was sent and never answered. */
  readonly lost: readonly string[]
  /** TCP segments that were sent again: after a loss, or because the machine was busy elsewhere. */
  readonly retransmitted: number
}

/** Some 100 packets a second, all together. */
const PAUSE_MS = 25
const PATIENCE_MS = 3000

/** Of this network namespace. */
function retransmitted(): number {
  const [names = '', values = ''] = readFileSync('/proc/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Tcp:'))
  const index = names.split(' ').indexOf('RetransSegs')
  return Number(values.split(' ')[index])
}

function say(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

async function serve(address: string): Promise<void> {
  let denied = 0
  let accepted = 0
  for (const port of [PORTS.accepted, PORTS.denied]) {
    const count = (): void => {
      if (port === PORTS.denied) denied++
      else accepted++
    }
    const tcp = createServer((socket) => {
      count()
      socket.on('error', () => undefined)
      socket.pipe(socket)
    })
    tcp.listen(port, address)
    const udp = createSocket('udp4')
    udp.on('message', (message, from) => {
      count()
      udp.send(message, from.port, from.address)
    })
    udp.bind(port, address)
  }
  await ended(() => ({ denied, accepted, retransmitted: retransmitted() }) satisfies ServerReport)
}

async function send(address: string): Promise<void> {
  const sent = { newTcp: 0, newUdp: 0, oldTcp: 0, oldUdp: 0 }
  const open = new Map<string, number>()
  const start = retransmitted()
  let isOver = false
  const asked = (what: keyof typeof sent): string => {
    const name = `${what} ${++sent[what]}`
    open.set(name, Date.now())
    return name
  }
  const answered = (text: string): void => {
    for (const name of text.split('\n')) open.delete(name)
  }

  const oldTcp = connect(PORTS.accepted, address).setNoDelay()
  oldTcp.on('data', (data) => answered(data.toString()))
  const oldUdp = createSocket('udp4').on('message', (data) => answered(data.toString()))
  const loops = [
    every(() => oldTcp.write(`${asked('oldTcp')}\n`)),
    every(() => oldUdp.send(asked('oldUdp'), PORTS.accepted, address)),
    every(() => newTcp(address, asked('newTcp'), answered)),
    every(() => newUdp(address, asked('newUdp'), answered)),
    every(() => tryDenied(address)),
  ]
  async function every(action: () => unknown): Promise<void> {
    for (; !isOver; await setTimeout(PAUSE_MS)) action()
  }
  await ended(async () => {
    isOver = true
    await Promise.all(loops)
    for (let waited = 0; open.size > 0 && waited < PATIENCE_MS; waited += 50) await setTimeout(50)
    return {
      sent,
      lost: [...open.keys()],
      retransmitted: retransmitted() - start,
    } satisfies ClientReport
  })
}

function newTcp(address: string, name: string, answered: (text: string) => void): void {
  const socket: Socket = connect(PORTS.accepted, address)
  socket.on('error', () => undefined)
  socket.on('connect', () => socket.end(`${name}\n`))
  socket.on('data', (data) => answered(data.toString()))
}

function newUdp(address: string, name: string, answered: (text: string) => void): void {
  const socket: Datagrams = createSocket('udp4')
  socket.on('message', (data) => {
    answered(data.toString())
    socket.close()
  })
  socket.send(name, PORTS.accepted, address)
}

function tryDenied(address: string): void {
  const udp = createSocket('udp4')
  udp.send('denied', PORTS.denied, address, () => udp.close())
  const tcp = connect(PORTS.denied, address).on('error', () => undefined)
  // Before it is sent once more, which would count.
  tcp.setTimeout(400, () => tcp.destroy())
}

async function ended(report: () => object | Promise<object>): Promise<never> {
  say({ ready: true })
  await new Promise((resolve) => process.stdin.once('data', resolve))
  say(await report())
  await new Promise((resolve) => process.stdin.once('end', resolve))
  process.exit(0)
}

async function main(): Promise<void> {
  const { role, address }: TrafficPeer = JSON.parse(process.argv[2] ?? '{}')
  await (role === 'server' ? serve(address) : send(address))
}

if (process.argv[1]?.endsWith('traffic-peer.ts')) await main()
