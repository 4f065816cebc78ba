import { spawnSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'

/** What the figures were measured on. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGb: number
  readonly kernel: string
  /** By the name of the program; those that are not installed are not there. */
  readonly versions: Readonly<Record<string, string>>
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    versions: Object.fromEntries(
      Object.entries(VERSIONS).flatMap(([name, argv]) => {
        const version = versionOf(argv)
        return version === undefined ? [] : [[name, version]]
      }),
    ),
  }
}

const VERSIONS: Readonly<Record<string, readonly string[]>> = {
  Node: [process.execPath, '--version'],
  iptables: ['iptables', '--version'],
  ferm: ['ferm', '--version'],
  Shorewall: ['shorewall', 'version'],
  ufw: ['ufw', '--version'],
  Go: ['go', 'version'],
  'go-iptables': [
    ...['dpkg-query', '--show', '--showformat', '${Version}'],
    'golang-github-coreos-go-iptables-dev',
  ],
}

/** The first number with a dot in what it says. */
function versionOf([program = '', ...args]: readonly string[]): string | undefined {
  const { stdout, status } = spawnSync(program, args, { encoding: 'utf8' })
  return status === 0 ? /\d+(\.\d+)+/.exec(stdout)?.[0] : undefined
}
