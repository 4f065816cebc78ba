// A ban list: one rule, and a set of addresses that the kernel lets go of by itself.
// node ban-list.ts NAMESPACE 600 198.51.100.7 203.0.113.9
import { IPTables, isNotExist, localExecutor, netnsExecutor } from 'fwctl/client'

const [namespace = 'web', seconds = '600', ...addresses] = process.argv.slice(2)
const executor = netnsExecutor(localExecutor(), { kind: 'name', name: namespace })
const ipt = await IPTables.create({ executor })

// A thousand bans are one process, and none of them touches a rule.
const bans = addresses.map((address) => `add banned ${address} timeout ${seconds}\n`)
const filled = await executor.run({
  program: 'ipset',
  args: ['-exist', 'restore'],
  input: `create banned hash:ip timeout 0 counters\n${bans.join('')}`,
  timeoutMs: 10_000,
})
if (filled.status !== 0) throw new Error(filled.stderr)

const rule = {
  name: 'banned',
  match: { set: { 'match-set': 'banned src' } },
  jump: 'DROP',
} as const
try {
  const isNew = await ipt.insertUnique('filter', 'INPUT', 1, rule)
  console.log(isNew ? 'the rule was put in front' : 'the rule was there')
} catch (error) {
  if (isNotExist(error)) console.error('the set is gone already')
  throw error
}
const [row] = await ipt.structuredStats('filter', 'INPUT')
console.log(`${addresses.length} banned, ${row?.packets} packets dropped so far`)
