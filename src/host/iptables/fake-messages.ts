/** What iptables 1.8.9 says and exits with when it refuses, on each back end. */
import type { Backend } from '../../ruleset/model.ts'
import type { FakeRefusal } from './fake-kernel.ts'
import type { Reason } from './reason.ts'

interface Said {
  readonly status: number
  readonly text: string
}

type Message = (subject: string, backend: Backend) => Said

const one = (text: string): Said => ({ status: 1, text })
const two = (text: string): Said => ({ status: 2, text })

const MESSAGES: Readonly<Partial<Record<Reason, Message>>> = {
  'chain-not-found': () => one('No chain/target/match by that name.'),
  'rule-not-found': () => one('Bad rule (does a matching rule exist in that chain?).'),
  'target-not-found': (name, backend) =>
    two(
      backend === 'nft'
        ? `Chain '${name}' does not exist`
        : `Couldn't load target \`${name}':No such file or directory\n`,
    ),
  'match-not-found': (name) => two(`Couldn't load match \`${name}':No such file or directory\n`),
  'set-not-found': (name) => two(`Set ${name} doesn't exist.\n`),
  'table-not-found': (name, backend) => ({
    status: 3,
    text:
      backend === 'nft'
        ? `table '${name}' does not exist\nPerhaps iptables or your kernel needs to be upgraded.`
        : `can't initialize iptables table \`${name}': Table does not exist (do you need to insmod?)`,
  }),
  'chain-exists': (name, backend) =>
    one(name === '' && backend === 'nft' ? 'File exists.' : 'Chain already exists.'),
  'chain-not-empty': (name, backend) => busy(name, backend, 'Directory not empty.'),
  'chain-in-use': (name, backend) => busy(name, backend, 'Too many links.'),
  'builtin-chain': () => one("Invalid argument. Run `dmesg' for more information."),
  'not-builtin-chain': () => one('Bad built-in chain name.'),
  'invalid-chain-name': (name) => two(`Invalid chain name \`${name}'`),
  'invalid-policy': () => one("Bad policy name. Run `dmesg' for more information."),
  'invalid-rule': (why) => two(why),
  'index-out-of-range': (what) =>
    what === 'number' ? two("Invalid rule number `0'") : one(`Index of ${what} too big.`),
  'refused-by-kernel': (chain, backend) =>
    backend === 'nft'
      ? { status: 4, text: `RULE_APPEND failed (Invalid argument): rule in chain ${chain}` }
      : one("Invalid argument. Run `dmesg' for more information."),
  'lock-busy': () => ({
    status: 4,
    text: 'Another app is currently holding the xtables lock. Stopped waiting after 10s.',
  }),
  permission: () => ({
    status: 4,
    text: 'Could not fetch rule set generation id: Permission denied (you must be root)',
  }),
}

function busy(name: string, backend: Backend, text: string): Said {
  return backend === 'nft'
    ? { status: 4, text: `CHAIN_DEL failed (Device or resource busy): chain ${name}` }
    : one(text)
}

function saidOf(reason: Reason, subject: string, backend: Backend): Said {
  return MESSAGES[reason]?.(subject, backend) ?? one(reason)
}

export function refusalMessage(
  { reason, subject }: Pick<FakeRefusal, 'reason' | 'subject'>,
  program: { readonly name: string; readonly backend: Backend },
): { readonly status: number; readonly stderr: string } {
  const { status, text } = saidOf(reason, subject, program.backend)
  return { status, stderr: `${program.name}: ${text}\n` }
}

/** A batch: nft says why, legacy names the line and no more. */
export function restoreMessage(
  { reason, subject }: Pick<FakeRefusal, 'reason' | 'subject'>,
  at: { readonly name: string; readonly backend: Backend; readonly line: number },
): { readonly status: number; readonly stderr: string } {
  const { status, text } = saidOf(reason, subject, at.backend)
  if (reason === 'table-not-found') {
    return { status: 2, stderr: `${at.name}: line ${at.line} table '${subject}' invalid\n` }
  }
  if (status === 2) {
    return { status, stderr: `${at.name}: ${text}\nError occurred at line: ${at.line}\n` }
  }
  if (at.backend === 'legacy') return { status: 1, stderr: `${at.name}: line ${at.line} failed\n` }
  return { status, stderr: `${at.name}: line ${at.line} failed: ${text}\n` }
}
