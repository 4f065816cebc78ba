/** How long fwctl takes to start, with its code cache and without. */
import { chmodSync, cpSync, mkdirSync, mkdtempSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type BenchCase, compare } from '../case.ts'
import type { Participant } from '../interleave.ts'
import { policyYaml } from '../languages/policy.ts'
import { openRoom } from '../room.ts'
import { RULESETS } from '../rulesets/kinds.ts'
import { nodeStart } from './floors.ts'

const EXAMPLE = join(import.meta.dirname, '../../examples/web-server')

/** Short runs: more of them for the same spread. */
const TIMES_AS_MANY = 2

export const startUp: BenchCase = {
  id: 'start-up',
  title: 'short commands',
  run: async ({ main, runs, ...rounds }) => {
    await using room = await openRoom()
    const policy = (rules: number): string =>
      room.write(`${rules}.yaml`, policyYaml(RULESETS.services(rules)))
    const example = join(EXAMPLE, 'policy.yaml')
    const commands: Readonly<Record<string, readonly string[]>> = {
      '--version': ['--version'],
      '--help': ['--help'],
      'validate, 3 rules': ['validate', policy(3)],
      'validate, 22 rules': ['validate', example],
      'validate, 50 rules': ['validate', policy(50)],
      'plan --live4, 22 rules': ['plan', example, '--live4', join(EXAMPLE, 'live.rules')],
    }
    const uncached = withoutCache(main, room.folder)
    const all = (file: string, suffix: string): Readonly<Record<string, Participant>> =>
      Object.fromEntries(
        Object.entries(commands).map(([name, args]) => [
          `${name}${suffix}`,
          { run: () => room.measure({ argv: [process.execPath, file, ...args] }) },
        ]),
      )
    return await compare<string>(
      { B: nodeStart(room), ...all(main, ''), ...all(uncached, FIRST_RUN) },
      {
        ...rounds,
        runs: runs * TIMES_AS_MANY,
        bounds: (medians) =>
          BOUNDED.map((name) => ({
            of: name,
            form: '# B',
            figure: (medians[name] ?? Number.NaN) / (medians.B ?? Number.NaN),
            limit: 1.5,
          })),
      },
    )
  },
}

/** Behind the name of a command: run without a code cache, as the first time. */
export const FIRST_RUN = ', first run'

const BOUNDED = ['--version', '--help', 'validate, 3 rules', 'validate, 22 rules']

/** A copy in a folder that others could write to: there fwctl neither makes nor believes a cache. */
function withoutCache(main: string, folder: string): string {
  const copy = join(mkdtempSync(join(folder, 'copy-')), 'dist')
  mkdirSync(copy)
  const isCode = (path: string): boolean => !/\.cache$|types$/.test(path)
  cpSync(dirname(main), copy, { recursive: true, filter: isCode })
  cpSync(join(dirname(main), '../package.json'), join(copy, '../package.json'))
  cpSync(join(dirname(main), '../schemas'), join(copy, '../schemas'), { recursive: true })
  chmodSync(copy, 0o777)
  return join(copy, basename(main))
}
