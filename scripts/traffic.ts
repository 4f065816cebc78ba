/**
 * The full campaign of applies under traffic, through a gateway in a namespace of its own:
 *
 *   npm run traffic -- --applies 100 [--backend nft|legacy]
 *
 * `--applies` counts per back end.
 */
import { parseArgs } from 'node:util'
import { BACKENDS } from '../test/e2e/namespace.ts'
import { applyUnderTraffic } from '../test/e2e/traffic-campaign.ts'

const { values } = parseArgs({
  options: {
    applies: { type: 'string', default: '100' },
    backend: { type: 'string' },
  },
})

let bad = 0
for (const backend of BACKENDS.filter(
  (one) => values.backend === undefined || one === values.backend,
)) {
  const applies = Number(values.applies)
  const { applied, client, server, packets, faults } = await applyUnderTraffic({ backend, applies })
  const sent = Object.entries(client.sent).map(([what, count]) => `${count} ${what}`)
  console.log(
    `${backend}: ${applied} of ${applies} applied; sent ${sent.join(', ')}; ` +
      `${client.lost.length} never answered; ` +
      `${packets.toServer.sent + packets.toClient.sent} packets sent, ` +
      `${packets.toServer.arrived + packets.toClient.arrived} arrived ` +
      `(${client.retransmitted + server.retransmitted} sent again); ${server.denied} denied let through`,
  )
  for (const fault of faults) console.log(`  WRONG ${fault}`)
  bad += faults.length + (applied === applies ? 0 : 1)
}
process.exitCode = bad === 0 ? 0 : 1
