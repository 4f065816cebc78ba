// 1,000 rules appended one by one and in one transaction, in a network namespace of its own.
//   npm run build && node bench/client.mjs [RULES]
import { IPTables, localExecutor, netnsExecutor } from '../dist/index.js'

const rules = Number(process.argv[2] ?? 1000)
const local = localExecutor()

for (const backend of ['nft', 'legacy']) {
  for (const family of ['ipv4', 'ipv6']) {
    const holder = await local.hold({
      program: 'unshare',
      args: ['--net', 'cat'],
      timeoutMs: 10_000,
    })
    try {
      const executor = netnsExecutor(local, { kind: 'process', pid: holder.pid })
      const ipt = await IPTables.create({ family, backend, executor })
      const rule = (i) => `-p tcp -m tcp --dport ${i + 1} -j ACCEPT`
      await ipt.newChain('filter', 'ONE')
      const single = await milliseconds(async () => {
        for (let i = 0; i < rules; i++) await ipt.append('filter', 'ONE', rule(i))
      })
      const batch = await milliseconds(() =>
        ipt.transaction((tx) => {
          tx.newChain('filter', 'ALL')
          for (let i = 0; i < rules; i++) tx.append('filter', 'ALL', rule(i))
        }),
      )
      const [one, all] = await Promise.all([ipt.list('filter', 'ONE'), ipt.list('filter', 'ALL')])
      if (one.length !== rules + 1 || all.length !== rules + 1) throw new Error('rules are missing')
      console.log(
        `${backend} ${family}: ${rules} appends ${Math.round(single)} ms, ` +
          `one transaction ${Math.round(batch)} ms: ${(single / batch).toFixed(1)} times as fast`,
      )
    } finally {
      await holder.stop()
    }
  }
}

async function milliseconds(work) {
  const start = performance.now()
  await work()
  return performance.now() - start
}
