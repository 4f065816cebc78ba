/**
 * The systemd units, as text.
 *
 * What each may do is cut down to what it does: netfilter through CAP_NET_ADMIN and CAP_NET_RAW, and
 * writing to the state directory and /run (for /run/xtables.lock, which is not there yet at boot).
 * MemoryDenyWriteExecute= is not among it: Node compiles to memory that it then executes.
 */
import type { Backend } from '../ruleset/model.ts'

export interface UnitsInput {
  /** The words that start fwctl: absolute paths. */
  readonly command: readonly string[]
  readonly stateDir: string
  /** In use on the host, as far as it is known. */
  readonly backend?: Backend | undefined
  /** What watch and drift hold the host to; absent: what was applied last. */
  readonly policy?: string | undefined
}

export interface Unit {
  readonly name: string
  readonly text: string
  /** Whether `install` starts it with the system unless told otherwise. */
  readonly enable: boolean
}

export const UNIT_NAMES: readonly string[] = [
  'fwctl-restore.service',
  'fwctl-drift.service',
  'fwctl-drift.timer',
  'fwctl-watch.service',
]

const MARK = '# Written by fwctl install; fwctl uninstall removes it.\n'

/** Whether a unit file is one of ours. */
export function isOurUnit(text: string): boolean {
  return text.startsWith(MARK)
}

/** `watch` is there, and off: that a host repairs itself is for somebody to decide. */
export function makeUnits(input: UnitsInput): readonly Unit[] {
  return [
    { name: 'fwctl-restore.service', text: restoreUnit(input), enable: true },
    { name: 'fwctl-drift.service', text: driftUnit(input), enable: false },
    { name: 'fwctl-drift.timer', text: DRIFT_TIMER, enable: true },
    { name: 'fwctl-watch.service', text: watchUnit(input), enable: false },
  ]
}

function restoreUnit(input: UnitsInput): string {
  const legacy =
    input.backend === 'legacy' ? ' modprobe@ip_tables.service modprobe@ip6_tables.service' : ''
  return `${MARK}[Unit]
Description=Firewall rules as fwctl last applied and confirmed them
Documentation=man:iptables(8)
DefaultDependencies=no
RequiresMountsFor=${quotePath(input.stateDir)}
Wants=network-pre.target${legacy}
After=local-fs.target systemd-modules-load.service systemd-tmpfiles-setup.service${legacy}
Before=network-pre.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${execLine(input, ['restore'])}
TimeoutStartSec=120
${sandbox(input)}
[Install]
WantedBy=multi-user.target network-pre.target
`
}

function driftUnit(input: UnitsInput): string {
  return `${MARK}[Unit]
Description=Tell what was changed behind fwctl's back
Documentation=man:iptables(8)
After=fwctl-restore.service

[Service]
Type=oneshot
# Exit status 2, drift, makes the unit fail, which is what monitoring looks for.
ExecStart=${execLine(input, ['drift', ...policyWords(input)])}
TimeoutStartSec=120
${sandbox(input)}`
}

const DRIFT_TIMER = `${MARK}[Unit]
Description=Tell every hour what was changed behind fwctl's back

[Timer]
OnBootSec=10min
OnUnitActiveSec=1h
RandomizedDelaySec=5min

[Install]
WantedBy=timers.target
`

function watchUnit(input: UnitsInput): string {
  return `${MARK}[Unit]
Description=Keep the firewall as fwctl applied it
Documentation=man:iptables(8)
After=fwctl-restore.service
Wants=fwctl-restore.service

[Service]
Type=exec
ExecStart=${execLine(input, ['watch', '--log-format', 'json', ...policyWords(input)])}
Restart=on-failure
RestartSec=5
${sandbox(input)}
[Install]
WantedBy=multi-user.target
`
}

function sandbox({ stateDir, command }: UnitsInput): string {
  const isAtHome = command.some((word) => /^\/(root|home|run\/user)\//.test(word))
  return `CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW
AmbientCapabilities=
NoNewPrivileges=yes
ProtectSystem=strict
${stateAccess(stateDir)}
ProtectHome=${isAtHome ? 'read-only' : 'yes'}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@resources @privileged @obsolete
SystemCallErrorNumber=EPERM
UMask=0077
`
}

function execLine({ command, stateDir }: UnitsInput, words: readonly string[]): string {
  return [...command, ...words, '--state-dir', stateDir].map(quoteWord).join(' ')
}

function policyWords({ policy }: UnitsInput): readonly string[] {
  return policy === undefined ? [] : [policy]
}

/** The directory need not be there when the unit starts. */
function stateAccess(stateDir: string): string {
  const name = /^\/var\/lib\/([\w.-]+)$/.exec(stateDir)?.[1]
  return name === undefined
    ? `ReadWritePaths=-${quotePath(stateDir)} /run`
    : `StateDirectory=${name}\nStateDirectoryMode=0700\nReadWritePaths=/run`
}

/** A word of a command line, systemd.service(5). */
function quoteWord(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$')
  return /^[\w@%+=:,./$-]+$/.test(escaped)
    ? escaped
    : `"${escaped.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/** A path in a list of paths. */
function quotePath(path: string): string {
  const escaped = path.replaceAll('%', '%%')
  return /^[\w@%+=:,./-]+$/.test(escaped)
    ? escaped
    : `"${escaped.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
