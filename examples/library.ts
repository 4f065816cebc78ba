// Plans a policy against a network namespace and applies it: the library in twenty lines.
// node library.ts POLICY NAMESPACE STATE-DIR
import * as fwctl from 'fwctl'

const [policyFile = 'policy.yaml', namespace = 'web', stateRoot = '/var/lib/fwctl'] =
  process.argv.slice(2)

const executor = fwctl.netnsExecutor(fwctl.localExecutor(), { kind: 'name', name: namespace })
const backend = await fwctl.detectBackend(executor)
const live = await fwctl.readLive(executor, backend, { families: ['ipv4', 'ipv6'] })

const loaded = fwctl.loadPolicy(policyFile, { files: fwctl.diskFiles })
const { plan, diagnostics } = fwctl.planFromPolicy(loaded, live)
console.error(fwctl.diagnosticsText(diagnostics, { colour: false }))
if (plan === undefined) process.exit(1)
console.log(fwctl.planText(plan, { colour: false }))

const stateDir = await fwctl.openStateDir(stateRoot, executor)
const outcome = await fwctl.applyPlan({
  ...{ executor, backend, plan, stateDir },
  reason: 'library example',
  rehearse: 'auto',
})
console.log(outcome.kind === 'applied' ? `snapshot ${outcome.snapshot}` : outcome.kind)
