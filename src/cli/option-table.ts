/** Options that several verbs share. Help, checks and completion are made from these. */
import { LOG_LEVELS } from './logger.ts'

export interface OptionSpec {
  /** As commander reads it: `--live4 <file>`. */
  readonly flags: string
  readonly description: string
  readonly choices?: readonly string[]
  readonly preset?: string
  readonly repeatable?: boolean
  /** What a shell offers for its value. */
  readonly completes?: 'file' | 'directory' | 'netns'
}

/** For every verb, before it or after it. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  { flags: '--no-color', description: 'no colours; NO_COLOR and FORCE_COLOR are heeded too' },
  { flags: '--quiet', description: 'nothing on stderr but warnings and errors' },
  {
    flags: '--log-level <level>',
    description: 'log what is run to stderr',
    choices: LOG_LEVELS,
    preset: 'silent',
  },
  {
    flags: '--log-format <format>',
    description: 'how the log looks',
    choices: ['pretty', 'json'],
    preset: 'pretty',
  },
]

export type SharedOption =
  | 'values'
  | 'var'
  | 'for'
  | 'cache'
  | 'live4'
  | 'live6'
  | 'liveSets'
  | 'backend'
  | 'netns'
  | 'container'
  | 'host'
  | 'sshConfig'
  | 'sudo'
  | 'stateDir'
  | 'format'

/** For the verbs that say so. */
export const SHARED_OPTIONS: Readonly<Record<SharedOption, OptionSpec>> = {
  values: {
    flags: '--values <file>',
    description: 'values for ${name} in the policy; repeatable, the last one wins',
    repeatable: true,
    completes: 'file',
  },
  var: {
    flags: '--var <name=value>',
    description: 'one value for ${name} in the policy; repeatable',
    repeatable: true,
  },
  for: {
    flags: '--for <name>',
    description: 'the entry of `hosts:` in the policy whose values apply',
  },
  cache: {
    flags: '--no-cache',
    description: 'read and compile the policy anew, whatever earlier runs have kept of it',
  },
  live4: {
    flags: '--live4 <file>',
    description: 'iptables-save output to use as the live IPv4 rules; - is stdin',
    completes: 'file',
  },
  live6: {
    flags: '--live6 <file>',
    description: 'the same for IPv6; with only one of the two the other family is left out',
    completes: 'file',
  },
  liveSets: {
    flags: '--live-sets <file>',
    description: 'ipset save output to use as the live sets, beside --live4 or --live6',
    completes: 'file',
  },
  backend: {
    flags: '--backend <backend>',
    description: 'which iptables: the one that plain `iptables` is, or a certain one',
    choices: ['auto', 'nft', 'legacy'],
    preset: 'auto',
  },
  netns: {
    flags: '--netns <name>',
    description:
      'the network namespace to look after: its name in `ip netns list`, or pid:N, that of a process',
    completes: 'netns',
  },
  host: {
    flags: '--host <url>',
    description: 'another host: ssh://[user@]host[:port], by the ssh client and its configuration',
  },
  sshConfig: {
    flags: '--ssh-config <file>',
    description: "for --host: this configuration of ssh instead of the user's and the system's",
    completes: 'file',
  },
  sudo: {
    flags: '--sudo',
    description: 'run programs there as root through sudo -n, and keep state with root',
  },
  container: {
    flags: '--container <name>',
    description:
      'the network of a container (docker, podman, nerdctl, crictl, machinectl, lxc); or ENGINE:NAME',
  },
  stateDir: {
    flags: '--state-dir <dir>',
    description: 'where snapshots and records are kept (default: /var/lib/fwctl)',
    completes: 'directory',
  },
  format: {
    flags: '--format <format>',
    description: 'how the result is printed',
    preset: 'text',
  },
}

export const POLICY_OPTIONS: readonly SharedOption[] = ['values', 'var', 'for', 'cache']
export const HOST_OPTIONS: readonly SharedOption[] = [
  'backend',
  'netns',
  'container',
  'host',
  'sshConfig',
  'sudo',
]
export const LIVE_OPTIONS: readonly SharedOption[] = ['live4', 'live6', 'liveSets', ...HOST_OPTIONS]

export const FAMILY_OPTION: OptionSpec = {
  flags: '--family <family>',
  description: 'only this family',
  choices: ['ipv4', 'ipv6'],
}

export const OUT_OPTION: OptionSpec = {
  flags: '--out <file>',
  description: 'write to this file instead of stdout',
  completes: 'file',
}

/** `--state-dir` of `--state-dir <dir>`. */
export function longFlag({ flags }: Pick<OptionSpec, 'flags'>): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags
}
