import { join } from 'node:path'
import type { Backend } from '../../src/ruleset/model.ts'
import { ufwArguments, ufwUserRules } from '../languages/ufw.ts'
import { openRoom } from '../room.ts'
import type { BenchRuleset } from '../rulesets/ruleset.ts'
import { isInstalled, NO_MODULES, type Peer } from './peer.ts'

export const UFW = '/usr/sbin/ufw'

const EXTRA = { source: '198.18.0.1', protocol: 'tcp', port: '8000', verdict: 'ACCEPT' } as const

/** Adds one rule to the ruleset, and deletes it again: ufw can not change one. */
export async function openUfw(backend: Backend, ruleset: BenchRuleset): Promise<Peer | undefined> {
  if (!isInstalled(UFW)) return undefined
  const room = await openRoom({ only: backend })
  const rules = room.write('user.rules', ufwUserRules(ruleset))
  const copy = join(room.folder, 'etc-ufw')
  await room.run(
    ['sh', '-e'],
    [
      `cp -a /etc/ufw ${copy}`,
      `cp ${rules} ${copy}/user.rules`,
      `sed -i 's/^ENABLED=.*/ENABLED=yes/; s/^LOGLEVEL=.*/LOGLEVEL=off/' ${copy}/ufw.conf`,
      `mount --bind ${copy} /etc/ufw`,
      NO_MODULES,
    ].join('\n'),
  )
  await room.run([UFW, '--force', 'enable'])
  return {
    room,
    run: (round) => {
      const change = round % 2 === 0 ? [] : ['delete']
      return room.measure({ argv: [UFW, ...change, ...ufwArguments(EXTRA)] })
    },
    [Symbol.asyncDispose]: () => room[Symbol.asyncDispose](),
  }
}
