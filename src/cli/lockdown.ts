import { isIP } from 'node:net'
import { FwctlError } from '../base/error.ts'
import { keepBeforeLockdown } from '../host/before-lockdown.ts'
import { readLive } from '../host/live.ts'
import { formatNetwork, parseMaskedAddress } from '../net/address.ts'
import { planLockdown } from '../plan/lockdown.ts'
import { KNOWN_TOOLS } from '../policy/policy.ts'
import { FAMILIES, type Family } from '../ruleset/model.ts'
import { showAndApply } from './applying.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './exit-codes.ts'
import { showFindings } from './findings.ts'
import { openExecutor, openHost, openState } from './host-input.ts'
import { finishInterrupted } from './interrupted.ts'

type Allowed = Readonly<Record<Family, readonly string[]>>

/** A plan like any other: shown, asked for, applied, and taken back with `rollback`. */
export async function lockdown(context: Context): Promise<ExitCode> {
  const { machine } = await openExecutor(context)
  // Where we are for the host that is locked down, which need not be this one.
  const env = machine === undefined ? context.env : (await machine.account()).env
  const allowed = allowedNetworks(context, env)
  const host = await openHost(context)
  const stateDir = await openState(context, host.executor)
  await finishInterrupted(host.executor, stateDir, context)
  const families = FAMILIES.filter((family) => host.backend.families[family] !== undefined)
  const live = await readLive(host.executor, host.backend, { families, names: host.names })
  const plan = planLockdown({ live, allowed, foreign: KNOWN_TOOLS })
  showFindings(
    // That nothing else is reached any more is the point of it.
    plan.diagnostics.filter(({ code }) => code !== 'hook-hides-rules'),
    context,
  )
  const names = [...allowed.ipv4, ...allowed.ipv6].join(', ')
  context.note(`Locking down: only loopback, what is established, and ${names} get through.`)
  await keepBeforeLockdown(stateDir)
  return showAndApply(
    {
      plan,
      host,
      stateDir,
      reason: context.options.reason ?? 'lockdown',
      question: 'Lock this host down?',
      approved: false,
    },
    context,
  )
}

/** `--allow`, else where this ssh session comes from. Throws `usage`: nobody is locked out by default. */
function allowedNetworks({ options }: Context, env: Context['env']): Allowed {
  const peer = env.SSH_CONNECTION?.split(' ')[0]
  const given = options.allow?.length ? options.allow : peer ? [peer] : []
  if (given.length === 0) {
    throw new FwctlError(
      'usage',
      'Say who may still get in: --allow CIDR, once for each network. (SSH_CONNECTION, which tells ' +
        'where you are, is not set; sudo drops it.)',
    )
  }
  const networks = given.map(readNetwork)
  const of = (family: Family): readonly string[] =>
    networks.filter((one) => one.family === family).map((one) => one.text)
  return { ipv4: of('ipv4'), ipv6: of('ipv6') }
}

function readNetwork(text: string): { readonly family: Family; readonly text: string } {
  const [address = '', length] = text.replace(/%[^/]*/, '').split('/')
  const version = isIP(address)
  const bits = version === 4 ? 32 : 128
  const isNetwork = length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= bits)
  const masked = version === 0 || !isNetwork ? undefined : parseMaskedAddress(text, bits)
  if (masked === undefined) {
    throw new FwctlError(
      'usage',
      `--allow ${text}: write a network such as 203.0.113.7 or 2001:db8::/48.`,
    )
  }
  if (masked.mask === 0n) {
    throw new FwctlError('usage', `--allow ${text}: that is everybody, which is no lockdown.`)
  }
  return { family: version === 4 ? 'ipv4' : 'ipv6', text: formatNetwork(masked, bits) }
}
