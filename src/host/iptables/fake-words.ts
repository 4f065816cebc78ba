/** The words of a command of iptables, taken apart as its own option parser does. */
import { type FakeCommand, FakeRefusal } from './fake-kernel.ts'

export interface FakeInvocation extends FakeCommand {
  readonly table: string
  readonly verbose: boolean
}

/** The settings that may stand before the command; the rest is the command's own. */
export function readFakeInvocation(args: readonly string[]): FakeInvocation {
  let table = 'filter'
  let verbose = false
  let at = 0
  for (; at < args.length; at++) {
    const word = args[at]
    if (word === '-t') table = args[++at] ?? ''
    else if (word === '-v') verbose = true
    else if (word !== '--wait' && word !== '-w') break
    else if (/^\d+$/.test(args[at + 1] ?? '')) at++
  }
  return { table, verbose, ...readFakeCommand(args.slice(at)) }
}

/** `-A CHAIN RULE`, `-I CHAIN [NUMBER] RULE`, `-D CHAIN NUMBER|RULE`, `-P CHAIN POLICY`… */
export function readFakeCommand(args: readonly string[]): FakeCommand {
  const [flag = '', chain, ...words] = args
  const [first = ''] = words
  if (['-I', '-R', '-D', '-S'].includes(flag) && /^\d+$/.test(first)) {
    const position = Number(first)
    if (position === 0) throw new FakeRefusal('index-out-of-range', 'number')
    return { flag, chain, position, words: words.slice(1) }
  }
  if (flag === '-P' || flag === '-E') return { flag, chain, to: first, words: [] }
  return { flag, chain, words }
}
