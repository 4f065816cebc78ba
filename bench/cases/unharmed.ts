/** What must not suffer while fwctl works: the counters of rules that stay, and traffic. */

import type { Backend } from '../../src/ruleset/model.ts'
import { type Gateway, startTraffic } from '../../test/e2e/traffic.ts'
import { PORTS } from '../../test/e2e/traffic-peer.ts'
import type { BenchCase } from '../case.ts'
import { restoreText } from '../languages/iptables.ts'
import { policyYaml } from '../languages/policy.ts'
import type { Measurement, Room } from '../room.ts'
import { edited, editsOf } from '../rulesets/edit.ts'
import { RULESETS } from '../rulesets/kinds.ts'
import type { BenchRule, BenchRuleset } from '../rulesets/ruleset.ts'
import { costOf } from '../statistics.ts'
import { openManagedRoom } from './managed-room.ts'
import { type Place, placeId } from './place.ts'

/** Of these rules changed at once, all others have to keep what they have counted. */
const EDITS = 5

export function counters(place: Place): BenchCase {
  const { backend, rules, kind = 'mixed' } = place
  return {
    place,
    id: placeId('counters', place),
    title: `counters of the rules that stay, while ${EDITS} others change`,
    run: async ({ main }) => {
      const before = RULESETS[kind](rules)
      await using room = await openManagedRoom({ main, backend })
      await room.run([`iptables-${backend}-restore`, '-c'], restoreText(before, { counters: true }))
      const after = edited(before, editsOf(before, EDITS))
      const counted = await countersOf(room, backend)
      const apply = room.fwctl('apply', room.write('policy.yaml', policyYaml(after)))
      const measured = await room.measure(apply)
      const now = await countersOf(room, backend)
      const lost = [...counted].filter(([rule, count]) => now.get(rule) !== count)
      // The rules that changed are not there any more.
      const figure = lost.length - EDITS
      const isDone = [...now.keys()].filter((rule) => !counted.has(rule)).length === EDITS
      if (!isDone) throw new Error('the policy was not applied')
      return {
        costs: { fwctl: costOf([measured]) },
        bounds: [{ form: '# counters lost', figure, limit: 0 }],
      }
    },
  }
}

/** `packets:bytes` by the text of the rule and which of its like it is. */
async function countersOf(room: Room, backend: Backend): Promise<ReadonlyMap<string, string>> {
  const dump = await room.run([`iptables-${backend}-save`, '-c'])
  const counted = new Map<string, string>()
  for (const [, count = '', rule = ''] of dump.matchAll(/^\[(\d+:\d+)\] (-A .*)$/gm)) {
    let key = rule
    for (let n = 2; counted.has(key); n++) key = `${rule} #${n}`
    counted.set(key, count)
  }
  return counted
}

const APPLIES = 50
/** Where there is not so much time. */
const FEWEST_APPLIES = 10

export function packets(place: Place): BenchCase {
  const { backend, rules, kind = 'mixed' } = place
  return {
    place,
    id: placeId('packets', place),
    title: 'packets lost while fwctl applies',
    run: async ({ main, budgetMs }) => {
      const before = letThrough(RULESETS[kind](rules))
      const states = [edited(before, editsOf(before, EDITS)), before]
      await using room = await openManagedRoom({ main, backend, policy: policyYaml(before) })
      const paths = states.map((state, i) => room.write(`${i}.yaml`, policyYaml(state)))
      const taken: Measurement[] = []
      await using traffic = await startTraffic(asGateway(room))
      const start = performance.now()
      const isTime = (): boolean => performance.now() - start < budgetMs
      for (let n = 0; n < FEWEST_APPLIES || (n < APPLIES && isTime()); n++) {
        taken.push(await room.measure(room.fwctl('apply', paths[n % 2] ?? '')))
      }
      const { client, packets } = await traffic.stop()
      const ways = Object.values(packets)
      const sent = ways.reduce((sum, way) => sum + way.sent, 0)
      const underway = ways.reduce((sum, way) => sum + way.sent - way.arrived, 0)
      if (sent < APPLIES) throw new Error('there was no traffic')
      // What was never answered may not have been sent at all.
      const figure = Math.max(underway, client.lost.length)
      return {
        costs: { fwctl: costOf(taken) },
        bounds: [
          { form: `# of ${sent} packets lost in ${taken.length} applies`, figure, limit: 0 },
        ],
      }
    },
  }
}

/** With a default policy of DROP and the traffic let through by the last rules there are. */
function letThrough(ruleset: BenchRuleset): BenchRuleset {
  const accepting = (['tcp', 'udp'] as const).map(
    (protocol): BenchRule => ({ protocol, dport: [`${PORTS.accepted}`], jump: 'ACCEPT' }),
  )
  const established = { ctstate: ['RELATED', 'ESTABLISHED'], jump: 'ACCEPT' }
  return {
    ...ruleset,
    chains: ruleset.chains.map((chain) =>
      chain.name === 'FORWARD'
        ? { ...chain, policy: 'DROP', rules: [...chain.rules, ...accepting, established] }
        : chain,
    ),
  }
}

function asGateway({ pid, run }: Room): Gateway {
  return { pid, run: (program, args, input) => run([program, ...args], input) }
}
