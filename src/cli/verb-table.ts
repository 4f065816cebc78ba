/**
 * Every verb with its arguments and options. The parser, the help texts and the completion scripts
 * are made from this table; a verb's code is loaded when it is called.
 */
import type { Context } from './context.ts'
import type { ExitCode } from './exit-codes.ts'
import {
  ALLOW,
  CLEAR_ALL,
  INSTALL_OPTIONS,
  PAUSE_LENGTH,
  UNIT_OPTIONS,
  WATCH_OPTIONS,
} from './operation-options.ts'
import {
  FAMILY_OPTION,
  HOST_OPTIONS,
  LIVE_OPTIONS,
  type OptionSpec,
  OUT_OPTION,
  POLICY_OPTIONS,
} from './option-table.ts'
import { type ArgumentSpec, DEFAULT_POLICY, type VerbSpec } from './verb.ts'

export type VerbFunction = (context: Context) => Promise<ExitCode>

export interface Verb extends VerbSpec {
  readonly load: () => Promise<VerbFunction>
}

const POLICY: ArgumentSpec = {
  name: '[POLICY]',
  description: `the policy, YAML or JSON; - is stdin (default: ${DEFAULT_POLICY})`,
  completes: 'file',
}

const AUTO_APPROVE: OptionSpec = {
  flags: '--auto-approve',
  description: 'apply without asking',
}

const REASON: OptionSpec = {
  flags: '--reason <text>',
  description: 'why, for the snapshot',
}

const REHEARSE_MODE: OptionSpec = {
  flags: '--rehearse <mode>',
  description:
    'try it in a scratch network namespace first: required (every rule), off, or auto (where the kernel takes all or nothing, a sample of like rules will do, and no rehearsal where there can be none)',
  choices: ['auto', 'required', 'off'],
  preset: 'auto',
}

const LOCK_WAIT: OptionSpec = {
  flags: '--lock-wait <seconds>',
  description: 'how long to wait for another fwctl, or for the xtables lock',
  preset: '10',
}

const CONFIRM: readonly OptionSpec[] = [
  {
    flags: '--confirm-within <time>',
    description: 'roll it back unless fwctl confirm comes within this time (90s, 10m)',
  },
  {
    flags: '--confirm-probe <tcp://host:port>',
    description: 'confirm it when a new connection from the host succeeds; repeatable, all have to',
    repeatable: true,
  },
]

const PRUNE: OptionSpec = {
  flags: '--prune',
  description: 'with ownership.mode exclusive: yes, delete what others have made in these tables',
}

const APPLIED: OptionSpec = {
  flags: '--applied <file>',
  description: 'the record of the last apply (default: applied.json in the state directory)',
  completes: 'file',
}

export const VERBS: readonly Verb[] = [
  {
    name: 'validate',
    summary: 'check a policy: keys, names, references, hooks and tables',
    arguments: [POLICY],
    shared: [...POLICY_OPTIONS, 'backend'],
    formats: ['text', 'json'],
    options: [
      FAMILY_OPTION,
      { flags: '--kernel', description: 'also load it into a scratch network namespace' },
    ],
    load: async () => (await import('./validate.ts')).validate,
  },
  {
    name: 'render',
    summary: 'print what the policy comes to, as iptables-restore reads it',
    arguments: [POLICY],
    shared: [...POLICY_OPTIONS, 'backend'],
    options: [
      FAMILY_OPTION,
      OUT_OPTION,
      { flags: '--sets', description: 'print the ipsets instead, as ipset restore reads them' },
    ],
    load: async () => (await import('./render.ts')).render,
  },
  {
    name: 'plan',
    summary: 'show what apply would change',
    arguments: [POLICY],
    shared: [...POLICY_OPTIONS, ...LIVE_OPTIONS, 'stateDir'],
    formats: ['text', 'json', 'markdown', 'diff'],
    options: [
      FAMILY_OPTION,
      { flags: '--out <file>', description: 'save the plan for apply', completes: 'file' },
      {
        flags: '--detailed-exitcode',
        description: 'exit 2 when changes are pending, 0 when there are none',
      },
      { flags: '--rehearse', description: 'also try it in a scratch network namespace' },
      PRUNE,
      APPLIED,
    ],
    load: async () => (await import('./plan.ts')).plan,
  },
  {
    name: 'apply',
    summary: 'apply a policy, or a plan that was saved with plan --out',
    arguments: [
      {
        name: '[FILE]',
        description: `the policy (default: ${DEFAULT_POLICY}), or a saved plan, which is applied without asking`,
        completes: 'file',
      },
    ],
    shared: [...POLICY_OPTIONS, ...HOST_OPTIONS, 'stateDir'],
    options: [FAMILY_OPTION, AUTO_APPROVE, REASON, REHEARSE_MODE, LOCK_WAIT, PRUNE, ...CONFIRM],
    load: async () => (await import('./apply.ts')).apply,
  },
  {
    name: 'drift',
    summary: "tell what was changed behind fwctl's back since it last applied",
    arguments: [POLICY],
    shared: [...POLICY_OPTIONS, ...LIVE_OPTIONS, 'stateDir'],
    formats: ['text', 'json'],
    options: [FAMILY_OPTION, APPLIED],
    load: async () => (await import('./drift.ts')).drift,
  },
  {
    name: 'confirm',
    summary: 'keep a change that was applied with --confirm-within',
    arguments: [{ name: '[TOKEN]', description: 'which one (default: the one that waits)' }],
    shared: [...HOST_OPTIONS, 'stateDir'],
    options: [LOCK_WAIT],
    load: async () => (await import('./confirm.ts')).confirm,
  },
  {
    name: 'rollback',
    summary: 'go back to a snapshot; without an ID to the last one',
    arguments: [{ name: '[SNAPSHOT]', description: 'its ID, or the beginning of it' }],
    shared: [...HOST_OPTIONS, 'stateDir'],
    options: [AUTO_APPROVE, REASON, REHEARSE_MODE, LOCK_WAIT, ...CONFIRM],
    load: async () => (await import('./rollback.ts')).rollback,
  },
  {
    name: 'snapshots',
    summary: 'list, show, compare and remove snapshots',
    arguments: [
      {
        name: '[ACTION]',
        description: 'what to do (default: list)',
        choices: ['list', 'show', 'diff', 'prune'],
      },
      { name: '[ID]', description: 'the snapshot to show or compare (default: the last)' },
      { name: '[OTHER]', description: 'diff: compare with this one (default: what is live)' },
    ],
    shared: [...HOST_OPTIONS, 'stateDir'],
    formats: ['text', 'json'],
    options: [
      FAMILY_OPTION,
      { flags: '--keep <n>', description: 'prune: keep the newest n' },
      { flags: '--before <date>', description: 'prune: remove those taken before this day' },
    ],
    load: async () => (await import('./snapshots.ts')).snapshots,
  },
  {
    name: 'import',
    summary: 'write a policy from what is live, or from a dump',
    arguments: [],
    shared: LIVE_OPTIONS,
    options: [FAMILY_OPTION, OUT_OPTION],
    load: async () => (await import('./import.ts')).importRules,
  },
  {
    name: 'fmt',
    summary: 'lay out a policy in the canonical way, comments kept',
    arguments: [POLICY],
    shared: [],
    options: [
      { flags: '--check', description: 'print nothing; exit 1 when it is not formatted' },
      { flags: '--write', description: 'write it back to the file' },
    ],
    load: async () => (await import('./fmt.ts')).fmt,
  },
  {
    name: 'doctor',
    summary: 'tell what is missing on this host, and how to mend it',
    arguments: [],
    shared: [...HOST_OPTIONS, 'stateDir'],
    formats: ['text', 'json'],
    options: [],
    load: async () => (await import('./doctor.ts')).doctor,
  },
  {
    name: 'lockdown',
    summary: 'let only loopback, what is established and the management addresses through',
    arguments: [],
    shared: [...HOST_OPTIONS, 'stateDir'],
    options: [ALLOW, AUTO_APPROVE, REASON, REHEARSE_MODE, LOCK_WAIT, ...CONFIRM],
    load: async () => (await import('./lockdown.ts')).lockdown,
  },
  {
    name: 'clear',
    summary: 'remove what is ours, and accept everything there',
    arguments: [],
    shared: [...HOST_OPTIONS, 'stateDir'],
    options: [CLEAR_ALL, AUTO_APPROVE, REASON, REHEARSE_MODE, LOCK_WAIT, ...CONFIRM],
    load: async () => (await import('./clear.ts')).clear,
  },
  {
    name: 'watch',
    summary: 'keep the host as it was last applied, or as a policy says',
    arguments: [
      { ...POLICY, description: 'hold the host to it (default: to what was applied last)' },
    ],
    shared: [...POLICY_OPTIONS, ...HOST_OPTIONS, 'stateDir'],
    options: [FAMILY_OPTION, REHEARSE_MODE, PRUNE, ...WATCH_OPTIONS],
    load: async () => (await import('./watch.ts')).watch,
  },
  {
    name: 'pause',
    summary: 'let watch keep its hands off until fwctl resume, or for a time',
    arguments: [],
    shared: [...HOST_OPTIONS, 'stateDir'],
    options: [PAUSE_LENGTH, REASON],
    load: async () => (await import('./pause.ts')).pause,
  },
  {
    name: 'resume',
    summary: 'let watch repair again',
    arguments: [],
    shared: [...HOST_OPTIONS, 'stateDir'],
    options: [],
    load: async () => (await import('./pause.ts')).resume,
  },
  {
    name: 'install',
    summary: 'write systemd units: restore at boot, look for drift, keep watch',
    arguments: [],
    shared: ['backend', 'stateDir'],
    options: [...UNIT_OPTIONS, ...INSTALL_OPTIONS],
    load: async () => (await import('./install.ts')).install,
  },
  {
    name: 'uninstall',
    summary: 'remove what install has written; the rules stay',
    arguments: [],
    shared: [],
    options: UNIT_OPTIONS,
    load: async () => (await import('./install.ts')).uninstall,
  },
  {
    name: 'restore',
    summary: 'bring back what was last applied and confirmed, as at boot',
    arguments: [],
    shared: [...HOST_OPTIONS, 'stateDir'],
    options: [LOCK_WAIT],
    load: async () => (await import('./restore.ts')).restore,
  },
  {
    name: 'schema',
    summary: 'print a JSON schema, for editors and programs',
    arguments: [
      {
        name: '[NAME]',
        description: 'which one (default: policy)',
        choices: ['policy', 'plan', 'drift', 'diagnostics'],
      },
    ],
    shared: [],
    options: [],
    load: async () => (await import('./schema.ts')).schema,
  },
  {
    name: 'completion',
    summary: 'print a completion script for a shell',
    arguments: [{ name: '<SHELL>', description: 'the shell', choices: ['bash', 'zsh', 'fish'] }],
    shared: [],
    options: [],
    load: async () => (await import('./completion.ts')).completion,
  },
]
