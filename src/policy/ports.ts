/** Packs ports into what one rule can hold. */

/** Port options of the protocols' matches under all their names, and multiport's name for them. */
export const PORT_KEYS: Readonly<Record<string, string>> = {
  sport: 'sports',
  'source-port': 'sports',
  dport: 'dports',
  'destination-port': 'dports',
}

export function multiportOption(key: string): string {
  return PORT_KEYS[key] ?? 'ports'
}

/** XT_MULTI_PORTS: the slots of a multiport match. */
export const MULTIPORT_SLOTS = 15

/** Chunks of ports that each fit one multiport match; a range takes two slots. */
export function packPorts(ports: readonly string[]): string[][] {
  const chunks: string[][] = []
  let free = 0
  for (const port of ports) {
    const slots = port.includes(':') ? 2 : 1
    if (slots > free) {
      chunks.push([])
      free = MULTIPORT_SLOTS
    }
    chunks.at(-1)?.push(port)
    free -= slots
  }
  return chunks
}

/** multiport takes neither open nor one-port ranges, unlike the protocols' own matches. */
export function closedRange(port: string): string {
  const [from, to] = port.split(':')
  if (to === undefined) return port
  const closed = [from === '' ? '0' : from, to === '' ? '65535' : to]
  return closed[0] === closed[1] ? (closed[0] as string) : closed.join(':')
}
