/**
 * The tools that fwctl is known to share hosts with, and what they leave in the tables.
 *
 * A rule that is recognised stays where it is, whatever the policy says, so a row names only what
 * could hardly be anything else: a rule that merely looks like one of Docker's, and that its author
 * has taken out of the policy, would stay open for ever.
 */
import type { ForeignTool } from '../policy/policy.ts'

export interface Preset {
  /** Globs of its chains. A rule of a built-in chain that jumps to one is the tool's. */
  readonly chains?: readonly string[]
  /** Globs of chains that only the tool's own chains jump to; too general to tell a rule by. */
  readonly innerChains?: readonly string[]
  /** Globs of the comments that it puts on its rules. */
  readonly comments?: readonly string[]
  /** Globs of the ipsets that its rules match. */
  readonly sets?: readonly string[]
  /**
   * Rules that it puts straight into built-in chains: table, chain, and the text that iptables-save
   * prints. `<bridge>` and the like stand for a word, twice in a rule for the same word.
   */
  readonly rules?: readonly string[]
}

/** What `<name>` in the text of a rule stands for. */
export const PLACEHOLDERS: Readonly<Record<string, string>> = {
  bridge: 'docker0|docker_gwbridge|br-[0-9a-f]{12}',
  network: '[0-9a-f.:]+/[0-9]+',
  host: '[0-9.]+/32|[0-9a-f:]+/128',
  address: '[0-9a-f.:]+',
  protocol: 'tcp|udp|sctp',
  port: '[0-9]+',
  vxlan: '(?:u32 --u32|bpf --bytecode) "[^"]*"',
}

export const PRESETS: Readonly<Record<ForeignTool, Preset>> = {
  docker: {
    chains: ['DOCKER', 'DOCKER-*'],
    // Docker 28 lets all of its bridges share these rules.
    sets: ['docker-ext-bridges-*'],
    rules: [
      'filter FORWARD -o <bridge> -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      'filter FORWARD -i <bridge> ! -o <bridge> -j ACCEPT',
      'filter FORWARD -i <bridge> -o <bridge> -j ACCEPT',
      // --icc=false
      'filter FORWARD -i <bridge> -o <bridge> -j DROP',
      'nat POSTROUTING -s <network> ! -o <bridge> -j MASQUERADE',
      'nat POSTROUTING -s <network> ! -o <bridge> -j SNAT --to-source <address>',
      // A container that reaches itself by its published port.
      'nat POSTROUTING -s <host> -d <host> -p <protocol> -m <protocol> --dport <port> -j MASQUERADE',
      'nat POSTROUTING -o <bridge> -m addrtype --src-type LOCAL -j MASQUERADE',
      // Docker 28: no way to a container around its published ports.
      'raw PREROUTING -d <host> ! -i <bridge> -j DROP',
      'raw PREROUTING -d <host> ! -i <bridge> -p <protocol> -m <protocol> --dport <port> -j DROP',
      'raw PREROUTING -d 127.0.0.1/32 ! -i lo -p <protocol> -m <protocol> --dport <port> -j DROP',
      // Encrypted overlay networks of a swarm.
      'filter INPUT -p udp -m udp --dport <port> -m <vxlan> -m policy --dir in --pol ipsec -j ACCEPT',
      'filter INPUT -p udp -m udp --dport <port> -m <vxlan> -j DROP',
      'mangle OUTPUT -p udp -m udp --dport <port> -m <vxlan> -j MARK --set-xmark 0xd0c4e3/0xffffffff',
    ],
  },
  kubernetes: { chains: ['KUBE-*', 'IP-MASQ', 'IP-MASQ-AGENT'] },
  calico: { chains: ['cali-*', 'felix-*'], comments: ['cali:*'], sets: ['cali40*', 'cali60*'] },
  cilium: {
    chains: ['CILIUM_*', 'OLD_CILIUM_*'],
    comments: ['cilium: *', 'cilium-feeder: *'],
  },
  flannel: { chains: ['FLANNEL-*'], comments: ['flanneld *'] },
  // Its chains are named KUBE-ROUTER-*, KUBE-NWPLCY-* and KUBE-POD-FW-*.
  'kube-router': {
    chains: ['KUBE-ROUTER-*', 'KUBE-NWPLCY-*', 'KUBE-POD-FW-*'],
    comments: [
      'kube-router netpol - *',
      'allow outbound traffic from pods',
      'allow inbound traffic to pods',
      'allow outbound node port traffic on node interface with which node ip is associated',
    ],
    sets: ['kube-router-*', 'inet6:kube-router-*'],
  },
  weave: { chains: ['WEAVE', 'WEAVE-*'] },
  antrea: { chains: ['ANTREA-*'], comments: ['Antrea: *'] },
  'aws-cni': { chains: ['AWS-SNAT-CHAIN-*', 'AWS-CONNMARK-CHAIN-*'], comments: ['AWS, *'] },
  cni: { chains: ['CNI-*'] },
  netavark: { chains: ['NETAVARK_*', 'NETAVARK-*'] },
  istio: { chains: ['ISTIO_*'] },
  fail2ban: { chains: ['f2b-*', 'fail2ban-*'], sets: ['f2b-*'] },
  crowdsec: { chains: ['CROWDSEC_*', 'crowdsec*'], sets: ['crowdsec-*', 'crowdsec6-*'] },
  sshguard: { chains: ['sshguard', 'sshguard-*'], sets: ['sshguard4', 'sshguard6'] },
  ufw: { chains: ['ufw-*', 'ufw6-*'] },
  firewalld: {
    chains: [
      'INPUT_direct',
      'FORWARD_direct',
      'OUTPUT_direct',
      'PREROUTING_direct',
      'POSTROUTING_direct',
      'INPUT_ZONES*',
      'OUTPUT_ZONES*',
      'FORWARD_ZONES*',
      'FORWARD_IN_ZONES*',
      'FORWARD_OUT_ZONES*',
      'PREROUTING_ZONES*',
      'POSTROUTING_ZONES*',
      '*_POLICIES_pre',
      '*_POLICIES_post',
    ],
    innerChains: ['IN_*', 'OUT_*', 'FWDI_*', 'FWDO_*', 'FWD_*', 'PRE_*', 'POST_*', '*_direct'],
  },
  libvirt: { chains: ['LIBVIRT_*'] },
  lxd: { chains: ['lxd_*', 'incus_*'], comments: ['generated for LXD *', 'generated for Incus *'] },
  tailscale: { chains: ['ts-*'] },
  'wg-quick': { comments: ['wg-quick(8) rule for *'] },
  miniupnpd: { chains: ['MINIUPNPD', 'MINIUPNPD-*'] },
  openstack: { chains: ['neutron-*', 'nova-*'] },
}
