import type { Family } from '../ruleset/model.ts'
import type { Extension, MatchExtension, OptionSpec, TargetExtension } from './extension.ts'
import { addrtype } from './matches/addrtype.ts'
import { ah4, ah6 } from './matches/ah.ts'
import { bpf } from './matches/bpf.ts'
import { cgroup } from './matches/cgroup.ts'
import { cluster } from './matches/cluster.ts'
import { comment } from './matches/comment.ts'
import { connbytes } from './matches/connbytes.ts'
import { connlabel } from './matches/connlabel.ts'
import { connlimit } from './matches/connlimit.ts'
import { connmark } from './matches/connmark.ts'
import { conntrack } from './matches/conntrack.ts'
import { cpu } from './matches/cpu.ts'
import { dccp } from './matches/dccp.ts'
import { devgroup } from './matches/devgroup.ts'
import { dscp } from './matches/dscp.ts'
import { dst } from './matches/dst.ts'
import { ecn } from './matches/ecn.ts'
import { esp } from './matches/esp.ts'
import { eui64 } from './matches/eui64.ts'
import { frag } from './matches/frag.ts'
import { hashlimit } from './matches/hashlimit.ts'
import { hbh } from './matches/hbh.ts'
import { helper } from './matches/helper.ts'
import { hl } from './matches/hl.ts'
import { icmp } from './matches/icmp.ts'
import { icmp6 } from './matches/icmp6.ts'
import { ipcomp } from './matches/ipcomp.ts'
import { iprange } from './matches/iprange.ts'
import { ipv6header } from './matches/ipv6header.ts'
import { ipvs } from './matches/ipvs.ts'
import { length } from './matches/length.ts'
import { limit } from './matches/limit.ts'
import { mac } from './matches/mac.ts'
import { mark } from './matches/mark.ts'
import { mh } from './matches/mh.ts'
import { multiport } from './matches/multiport.ts'
import { nfacct } from './matches/nfacct.ts'
import { osf } from './matches/osf.ts'
import { owner } from './matches/owner.ts'
import { physdev } from './matches/physdev.ts'
import { pkttype } from './matches/pkttype.ts'
import { policy } from './matches/policy.ts'
import { quota } from './matches/quota.ts'
import { rateest } from './matches/rateest.ts'
import { realm } from './matches/realm.ts'
import { recent } from './matches/recent.ts'
import { rpfilter } from './matches/rpfilter.ts'
import { rt } from './matches/rt.ts'
import { sctp } from './matches/sctp.ts'
import { set } from './matches/set.ts'
import { socket } from './matches/socket.ts'
import { srh } from './matches/srh.ts'
import { state } from './matches/state.ts'
import { statistic } from './matches/statistic.ts'
import { string } from './matches/string.ts'
import { tcp } from './matches/tcp.ts'
import { tcpmss } from './matches/tcpmss.ts'
import { time } from './matches/time.ts'
import { tos } from './matches/tos.ts'
import { ttl } from './matches/ttl.ts'
import { u32 } from './matches/u32.ts'
import { udp } from './matches/udp.ts'
import { audit } from './targets/audit.ts'
import { checksum } from './targets/checksum.ts'
import { classify } from './targets/classify.ts'
import { clusterip } from './targets/clusterip.ts'
import { connmarkTarget } from './targets/connmark.ts'
import { connsecmark } from './targets/connsecmark.ts'
import { ct } from './targets/ct.ts'
import { dnat } from './targets/dnat.ts'
import { dscpTarget } from './targets/dscp.ts'
import { ecnTarget } from './targets/ecn.ts'
import { hmark } from './targets/hmark.ts'
import { idletimer } from './targets/idletimer.ts'
import { led } from './targets/led.ts'
import { log } from './targets/log.ts'
import { markTarget } from './targets/mark.ts'
import { masquerade } from './targets/masquerade.ts'
import { netmap } from './targets/netmap.ts'
import { nflog } from './targets/nflog.ts'
import { nfqueue } from './targets/nfqueue.ts'
import { notrack } from './targets/notrack.ts'
import { dnpt, snpt } from './targets/npt.ts'
import { rateestTarget } from './targets/rateest.ts'
import { redirect } from './targets/redirect.ts'
import { reject4, reject6 } from './targets/reject.ts'
import { secmark } from './targets/secmark.ts'
import { setTarget } from './targets/set.ts'
import { snat } from './targets/snat.ts'
import { synproxy } from './targets/synproxy.ts'
import { tcpmssTarget } from './targets/tcpmss.ts'
import { tcpoptstrip } from './targets/tcpoptstrip.ts'
import { tee } from './targets/tee.ts'
import { tosTarget } from './targets/tos.ts'
import { tproxy } from './targets/tproxy.ts'
import { trace } from './targets/trace.ts'
import { hlTarget, ttlTarget } from './targets/ttl.ts'
import { ulog } from './targets/ulog.ts'

const MATCHES: readonly MatchExtension[] = [
  addrtype,
  ah4,
  ah6,
  bpf,
  cgroup,
  cluster,
  comment,
  connbytes,
  connlabel,
  connlimit,
  connmark,
  conntrack,
  cpu,
  dccp,
  devgroup,
  dscp,
  dst,
  ecn,
  esp,
  eui64,
  frag,
  hashlimit,
  hbh,
  helper,
  hl,
  icmp,
  icmp6,
  ipcomp,
  iprange,
  ipv6header,
  ipvs,
  length,
  limit,
  mac,
  mark,
  mh,
  multiport,
  nfacct,
  osf,
  owner,
  physdev,
  pkttype,
  policy,
  quota,
  rateest,
  realm,
  recent,
  rpfilter,
  rt,
  sctp,
  set,
  socket,
  srh,
  state,
  statistic,
  string,
  tcp,
  tcpmss,
  time,
  tos,
  ttl,
  u32,
  udp,
]
const TARGETS: readonly TargetExtension[] = [
  audit,
  checksum,
  classify,
  clusterip,
  connmarkTarget,
  connsecmark,
  ct,
  dnat,
  dnpt,
  dscpTarget,
  ecnTarget,
  hlTarget,
  hmark,
  idletimer,
  led,
  log,
  markTarget,
  masquerade,
  netmap,
  nflog,
  nfqueue,
  notrack,
  rateestTarget,
  redirect,
  reject4,
  reject6,
  secmark,
  setTarget,
  snat,
  snpt,
  synproxy,
  tcpmssTarget,
  tcpoptstrip,
  tee,
  tosTarget,
  tproxy,
  trace,
  ttlTarget,
  ulog,
]

/** Every match and target, in the order of the reference. */
export const EXTENSIONS: readonly Extension[] = [...MATCHES, ...TARGETS]

/** An option of an entry under one of the names that are read. */
export interface NamedOption {
  /** The name that a save prints, unless `spec.rewrite` makes it another option. */
  readonly name: string
  readonly spec: OptionSpec
}

interface Index {
  readonly matches: ReadonlyMap<string, MatchExtension>
  readonly targets: ReadonlyMap<string, TargetExtension>
  readonly implicit: ReadonlyMap<string, MatchExtension>
}

const INDEXES: Partial<Record<Family, Index>> = {}

function indexOf(family: Family): Index {
  INDEXES[family] ??= buildIndex(family)
  return INDEXES[family]
}

function buildIndex(family: Family): Index {
  const matches = new Map<string, MatchExtension>()
  const targets = new Map<string, TargetExtension>()
  const implicit = new Map<string, MatchExtension>()
  const inFamily = (entry: Extension): boolean => entry.families?.includes(family) ?? true
  for (const match of MATCHES.filter(inFamily)) {
    matches.set(match.name, match)
    for (const alias of match.aliases ?? []) matches.set(alias, match)
    for (const protocol of match.implicitFor ?? []) implicit.set(protocol, match)
  }
  for (const target of TARGETS.filter(inFamily)) {
    targets.set(target.name, target)
    for (const alias of target.aliases ?? []) targets.set(alias, target)
  }
  return { matches, targets, implicit }
}

export function findMatch(name: string, family: Family): MatchExtension | undefined {
  return indexOf(family).matches.get(name)
}

export function findTarget(name: string, family: Family): TargetExtension | undefined {
  return indexOf(family).targets.get(name)
}

/** The match that `-p PROTOCOL` (decimal) loads when one of its options is used. */
export function implicitMatch(protocol: string, family: Family): MatchExtension | undefined {
  return indexOf(family).implicit.get(protocol)
}

const OPTION_NAMES = new WeakMap<Extension, ReadonlyMap<string, NamedOption>>()

/** The options of an entry by every name that is read, aliases included. */
export function optionNames(extension: Extension): ReadonlyMap<string, NamedOption> {
  let names = OPTION_NAMES.get(extension)
  if (names === undefined) {
    names = new Map(
      Object.entries(extension.options).flatMap(([name, spec]) =>
        [name, ...(spec.aliases ?? [])].map((n) => [n, { name, spec }] as const),
      ),
    )
    OPTION_NAMES.set(extension, names)
  }
  return names
}

/** What the options of an entry are like together, worked out once. */
interface OptionTraits {
  /** The place of each option in a save. */
  readonly order: ReadonlyMap<string, number>
  readonly required: readonly string[]
  /** Options that are stored even when they are not given, with their presets. */
  readonly always: readonly (readonly [string, NonNullable<OptionSpec['preset']>])[]
}

const OPTION_TRAITS = new WeakMap<Extension, OptionTraits>()

export function optionTraits(extension: Extension): OptionTraits {
  let traits = OPTION_TRAITS.get(extension)
  if (traits === undefined) {
    const options = Object.entries(extension.options)
    traits = {
      order: new Map(options.map(([name], i) => [name, i])),
      required: options.filter(([, spec]) => spec.required).map(([name]) => name),
      always: options.flatMap(([name, { preset }]) =>
        preset === undefined ? [] : [[name, preset] as const],
      ),
    }
    OPTION_TRAITS.set(extension, traits)
  }
  return traits
}

/** Whether the option, with a word that `isNormal` tells, may be all that a match or target has. */
export function mayStandAlone(extension: Extension, name: string): boolean {
  const { value, rewrite, optional, needs } = extension.options[name] as OptionSpec
  const others = Object.entries(extension.options).filter(([other]) => other !== name)
  return (
    extension.normalise === undefined &&
    value.isNormal !== undefined &&
    value.words === 1 &&
    rewrite === undefined &&
    !optional &&
    needs === undefined &&
    others.every(([, { required, preset }]) => !required && preset === undefined)
  )
}

/** The place of an option in a save. */
export function optionOrder(extension: Extension, name: string): number {
  return optionTraits(extension).order.get(name) ?? 0
}
