/** Options of the verbs that keep a host as it should be: install, watch, lockdown and the like. */
import type { OptionSpec } from './option-table.ts'

export const UNIT_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--root <dir>',
    description: 'a file system that is being built: files go below it, nothing is started',
    completes: 'directory',
  },
  {
    flags: '--unit-dir <dir>',
    description: 'where the units go (default: /etc/systemd/system)',
    completes: 'directory',
  },
]

export const INSTALL_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--command <path>',
    description: 'the fwctl that the units start (default: this one)',
    completes: 'file',
  },
  {
    flags: '--policy <file>',
    description: 'hold the host to this policy (default: to what was applied last)',
    completes: 'file',
  },
  { flags: '--watch', description: 'enable the watch service too' },
]

export const WATCH_OPTIONS: readonly OptionSpec[] = [
  { flags: '--once', description: 'look once, repair once, and end; exit 2 when drift is left' },
  {
    flags: '--window <times>',
    description: 'repair only then: "Mon-Fri 08:00-18:00", local time; repeatable',
    repeatable: true,
  },
  {
    flags: '--maintenance <times>',
    description: 'do not repair then: people are at work on the host; repeatable',
    repeatable: true,
  },
  {
    flags: '--pause-file <file>',
    description: 'do not repair while this file is there, as after fwctl pause',
    completes: 'file',
  },
  {
    flags: '--fight-limit <n>',
    description: 'leave a chain alone when it was changed back so many times',
    preset: '3',
  },
  {
    flags: '--fight-window <time>',
    description: 'within this time, and for as long',
    preset: '10m',
  },
]

export const PAUSE_LENGTH: OptionSpec = {
  flags: '--length <time>',
  description: 'end by itself after this time (90s, 10m, 2h)',
}

export const ALLOW: OptionSpec = {
  flags: '--allow <cidr>',
  description: 'who may still get in; repeatable (default: where this ssh session comes from)',
  repeatable: true,
}

export const CLEAR_ALL: OptionSpec = {
  flags: '--all',
  description: 'empty all tables, whoever filled them',
}
