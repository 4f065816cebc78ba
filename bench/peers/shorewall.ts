import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Backend } from '../../src/ruleset/model.ts'
import { shorewallFiles } from '../languages/shorewall.ts'
import { openRoom } from '../room.ts'
import type { BenchRuleset } from '../rulesets/ruleset.ts'
import { isInstalled, NO_MODULES, type Peer } from './peer.ts'

export const SHOREWALL = '/usr/sbin/shorewall'
const CONFIGURATION = '/etc/shorewall/shorewall.conf'

/**
 * As Debian ships it, but for what reaches beyond the room (the log), what fails in it (sysctls of
 * real interfaces), and level 16 of OPTIMIZE, which would merge the rules and leave an eighth of them.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  STARTUP_LOG: '',
  LOG_MARTIANS: 'Keep',
  ROUTE_FILTER: 'Keep',
  OPTIMIZE: '15',
}

/** Nothing is written to the machine's /etc and /var. */
const SETUP = [
  'mount -t tmpfs tmpfs /etc/shorewall',
  'mount -t tmpfs tmpfs /var/lib/shorewall',
  NO_MODULES,
  'ip link add net0 type veth peer name net1',
  'ip link set net0 up',
]

/** `shorewall reload` of the states in turn. */
export async function openShorewall(
  backend: Backend,
  states: readonly BenchRuleset[],
): Promise<Peer | undefined> {
  if (!isInstalled(SHOREWALL)) return undefined
  const room = await openRoom({ only: backend })
  const configuration = Object.entries(SETTINGS).reduce(
    (text, [key, value]) => text.replace(new RegExp(`^${key}=.*$`, 'm'), `${key}=${value}`),
    readFileSync(CONFIGURATION, 'utf8'),
  )
  const folders = states.map((state, i) => {
    const folder = join(room.folder, `shorewall-${i}`)
    mkdirSync(folder)
    for (const [name, text] of Object.entries(shorewallFiles(state))) {
      writeFileSync(join(folder, name), text)
    }
    writeFileSync(join(folder, 'shorewall.conf'), configuration)
    return folder
  })
  const [first = ''] = folders
  await room.run(['sh', '-e'], [...SETUP, `cp ${first}/* /etc/shorewall/`].join('\n'))
  await room.run([SHOREWALL, 'start'])
  return {
    room,
    run: (round) =>
      room.measure({ argv: [SHOREWALL, 'reload', folders[round % folders.length] ?? ''] }),
    [Symbol.asyncDispose]: () => room[Symbol.asyncDispose](),
  }
}
