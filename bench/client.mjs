// Appends rules with fwctl's own client, one by one or in one transaction.
//   node bench/client.mjs LIBRARY BACKEND append|transaction RULES
// LIBRARY is dist/client.js; a line of RULES is a chain and the words of a rule, with tabs between them.
import { readFileSync } from 'node:fs'

const [library, backend, how, path] = process.argv.slice(2)
const { IPTables, localExecutor } = await import(library)
const ipt = await IPTables.create({ family: 'ipv4', backend, executor: localExecutor() })
const rules = readFileSync(path, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split('\t'))
const chains = new Set(rules.map(([chain]) => chain))
for (const chain of await ipt.listChains('filter')) chains.delete(chain)

if (how === 'transaction') await ipt.transaction(appendAll)
else await appendAll(ipt)

async function appendAll(target) {
  for (const chain of chains) await target.newChain('filter', chain)
  for (const [chain, ...words] of rules) await target.append('filter', chain, words)
}
