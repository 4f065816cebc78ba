// A port-forward manager: keeps the forwards it is given, and no others, in chains of its own.
// node port-forwards.ts NAMESPACE 8080=192.0.2.10:80 8443=192.0.2.10:443
import { IPTables, localExecutor, netnsExecutor } from 'fwctl/client'

const [namespace = 'web', ...forwards] = process.argv.slice(2)
const executor = netnsExecutor(localExecutor(), { kind: 'name', name: namespace })
const ipt = await IPTables.create({ executor })

// All forwards of a table change in one step: no connection meets half of them.
await ipt.transaction((tx) => {
  tx.clearChain('nat', 'PORT-FORWARDS')
  tx.clearChain('filter', 'PORT-FORWARDS')
  for (const forward of forwards) {
    const [port = '', to = ''] = forward.split('=')
    const [destination = '', dport = ''] = to.split(':')
    const name = `forward ${port}`
    tx.append('nat', 'PORT-FORWARDS', {
      ...{ name, protocol: 'tcp', dport: port },
      jump: { DNAT: { 'to-destination': to } },
    })
    tx.append('filter', 'PORT-FORWARDS', {
      ...{ name, protocol: 'tcp', destination, dport },
      jump: 'ACCEPT',
    })
  }
})
await ipt.appendUnique('nat', 'PREROUTING', '-m addrtype --dst-type LOCAL -j PORT-FORWARDS')
await ipt.insertUnique('filter', 'FORWARD', 1, '-j PORT-FORWARDS')

for (const rule of await ipt.list('nat', 'PORT-FORWARDS')) console.log(rule)
