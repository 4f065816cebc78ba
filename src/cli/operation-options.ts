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
