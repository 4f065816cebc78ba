import type { Names } from '../extensions/names.ts'
import type { Executor } from './executor.ts'

/** Numbers by name, and names by number; the first line that says something wins, as in libc. */
interface Database {
  readonly numbers: ReadonlyMap<string, number>
  readonly names: ReadonlyMap<number, string>
}

/**
 * The target host's /etc/services, /etc/protocols, /etc/passwd and /etc/group, which are what its
 * iptables goes by. Where a file is missing or silent, `fallback` answers. Each is parsed at its first
 * use.
 */
export async function readNames(executor: Executor, fallback: Names): Promise<Names> {
  const [services, protocols, passwd, group] = await Promise.all(
    ['/etc/services', '/etc/protocols', '/etc/passwd', '/etc/group'].map((path) =>
      executor.readFile(path),
    ),
  )
  return namesFrom({ services, protocols, passwd, group }, fallback)
}

export function namesFrom(
  files: Readonly<Record<'services' | 'protocols' | 'passwd' | 'group', string | undefined>>,
  fallback: Names,
): Names {
  const services = lazy(() => parseServices(files.services ?? ''))
  const protocols = lazy(() => parseProtocols(files.protocols ?? ''))
  const users = lazy(() => parseColonFile(files.passwd ?? ''))
  const groups = lazy(() => parseColonFile(files.group ?? ''))
  return {
    service: (name, protocol) =>
      services().get(protocol === undefined ? name : `${name}/${protocol}`) ??
      fallback.service(name, protocol),
    protocolNumber: (name) => protocols().numbers.get(name) ?? fallback.protocolNumber(name),
    protocolName: (number) => protocols().names.get(number) ?? fallback.protocolName(number),
    user: (name) => users().numbers.get(name) ?? fallback.user(name),
    group: (name) => groups().numbers.get(name) ?? fallback.group(name),
  }
}

/** `name port/protocol alias…`, under `name/protocol` and, first come, under `name`. */
function parseServices(text: string): ReadonlyMap<string, number> {
  const ports = new Map<string, number>()
  for (const [name, place, ...aliases] of wordLines(text)) {
    const match = /^(\d+)\/(\S+)$/.exec(place ?? '')
    if (name === undefined || !match) continue
    for (const alias of [name, ...aliases]) {
      for (const key of [`${alias}/${match[2]}`, alias]) {
        if (!ports.has(key)) ports.set(key, Number(match[1]))
      }
    }
  }
  return ports
}

/** `name number ALIAS…`; libc finds a protocol by its aliases too, but prints the name. */
function parseProtocols(text: string): Database {
  const numbers = new Map<string, number>()
  const names = new Map<number, string>()
  for (const [name, digits, ...aliases] of wordLines(text)) {
    if (name === undefined || !/^\d+$/.test(digits ?? '')) continue
    const number = Number(digits)
    if (!names.has(number)) names.set(number, name)
    for (const alias of [name, ...aliases]) if (!numbers.has(alias)) numbers.set(alias, number)
  }
  return { numbers, names }
}

/** `name:password:number:…`, as in passwd and group. */
function parseColonFile(text: string): Database {
  const numbers = new Map<string, number>()
  const names = new Map<number, string>()
  for (const line of text.split('\n')) {
    const [name, , digits] = line.split(':')
    if (name === undefined || name === '' || !/^\d+$/.test(digits ?? '')) continue
    const number = Number(digits)
    if (!numbers.has(name)) numbers.set(name, number)
    if (!names.has(number)) names.set(number, name)
  }
  return { numbers, names }
}

function wordLines(text: string): string[][] {
  return text.split('\n').flatMap((line) => {
    const words = line.replace(/#.*/, '').trim().split(/\s+/)
    return words[0] === '' ? [] : [words]
  })
}

function lazy<T>(make: () => T): () => T {
  let value: { readonly made: T } | undefined
  return () => {
    value ??= { made: make() }
    return value.made
  }
}
