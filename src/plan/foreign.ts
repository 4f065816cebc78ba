import type { Rule } from '../ruleset/model.ts'

/**
 * The chains of tools that fwctl is known to share hosts with, as globs over chain names. A rule of
 * a built-in chain that jumps to one of these is that tool's, not ours.
 */
const FOREIGN_CHAINS: Readonly<Record<string, readonly string[]>> = {
  docker: ['DOCKER', 'DOCKER-*'],
  kubernetes: ['KUBE-*'],
  calico: ['cali-*', 'felix-*'],
  cilium: ['CILIUM_*', 'OLD_CILIUM_*'],
  flannel: ['FLANNEL-*'],
  weave: ['WEAVE', 'WEAVE-*'],
  cni: ['CNI-*'],
  netavark: ['NETAVARK', 'NETAVARK*'],
  istio: ['ISTIO_*'],
  fail2ban: ['f2b-*', 'fail2ban-*'],
  crowdsec: ['CROWDSEC_CHAIN', 'crowdsec*'],
  sshguard: ['sshguard', 'sshguard-*'],
  ufw: ['ufw-*', 'ufw6-*'],
  firewalld: [
    '*_direct',
    'IN_*',
    'OUT_*',
    'FWDI_*',
    'FWDO_*',
    'FWD_*',
    'PRE_*',
    'POST_*',
    'INPUT_ZONES*',
    'OUTPUT_ZONES*',
    'FORWARD_IN_ZONES*',
    'FORWARD_OUT_ZONES*',
    'PREROUTING_ZONES*',
    'POSTROUTING_ZONES*',
    '*_POLICIES_pre',
    '*_POLICIES_post',
  ],
  libvirt: ['LIBVIRT_*'],
  lxd: ['lxd_*', 'incus_*'],
  tailscale: ['ts-*'],
  miniupnpd: ['MINIUPNPD', 'MINIUPNPD-*'],
  openvswitch: ['neutron-*'],
}

/** Rules that a tool puts straight into built-in chains, known by their comment alone. */
const FOREIGN_COMMENTS: readonly string[] = ['wg-quick(8) rule for *']

const PRESETS: readonly string[] = Object.values(FOREIGN_CHAINS).flat()

/** Whether another tool owns the chain: a known one, or `patterns`, globs where `*` is any text. */
export function isForeignChain(name: string, patterns: readonly string[] = []): boolean {
  return matchesAny(name, PRESETS) || matchesAny(name, patterns)
}

/** Whether the rule, standing in a built-in chain, belongs to another tool. */
export function isForeignRule(rule: Rule, patterns: readonly string[] = []): boolean {
  const target = rule.spec.target
  if (target !== undefined && isForeignChain(target.name, patterns)) return true
  const comment = commentOf(rule)
  return comment !== undefined && matchesAny(comment, FOREIGN_COMMENTS)
}

/** The text of the rule's first comment: what operators know the rule by. */
export function commentOf(rule: Rule): string | undefined {
  const match = rule.spec.matches.find((candidate) => candidate.module === 'comment')
  return match?.options.find((option) => option.name === 'comment')?.values[0]
}

function matchesAny(text: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => matchesGlob(text, pattern))
}

/** No regular expression is built from a pattern: a hostile one could take exponential time. */
function matchesGlob(text: string, pattern: string): boolean {
  const [head = '', ...pieces] = pattern.split('*')
  const tail = pieces.pop()
  if (tail === undefined) return text === pattern
  if (!text.startsWith(head)) return false
  let at = head.length
  for (const piece of pieces) {
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return text.length - tail.length >= at && text.endsWith(tail)
}
