/**
 * What the host's databases say of names: /etc/services, /etc/protocols, /etc/passwd, /etc/group.
 * The pure layers get one of these; host/ fills it from the files, tests and offline runs use
 * `BUILTIN_NAMES`.
 */
export interface Names {
  /** The port of a service, for a protocol name such as `tcp`, or for any when it is absent. */
  service(name: string, protocol?: string): number | undefined
  protocolNumber(name: string): number | undefined
  protocolName(number: number): string | undefined
  user(name: string): number | undefined
  group(name: string): number | undefined
}
