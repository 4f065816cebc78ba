/** Protocol names every iptables knows by itself, without /etc/protocols. */
export const OWN_PROTOCOLS: Readonly<Record<string, number>> = {
  all: 0,
  icmp: 1,
  tcp: 6,
  udp: 17,
  esp: 50,
  ah: 51,
  'ipv6-icmp': 58,
  icmpv6: 58,
  sctp: 132,
  'ipv6-mh': 135,
  mh: 135,
  'mobility-header': 135,
  udplite: 136,
}

/** What they are saved as. */
export const OWN_PROTOCOL_NAMES: Readonly<Record<string, string>> = {
  '1': 'icmp',
  '6': 'tcp',
  '17': 'udp',
  '50': 'esp',
  '51': 'ah',
  '58': 'ipv6-icmp',
  '132': 'sctp',
  '135': 'mobility-header',
  '136': 'udplite',
}

/** Names that iptables itself has from 1.8.11 on, when it stopped asking /etc/protocols on save. */
export const LATER_PROTOCOL_NAMES: Readonly<Record<string, string>> = {
  '33': 'dccp',
  '108': 'ipcomp',
}
