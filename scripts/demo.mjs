// `npm run demo`: what fwctl does, on a lived-in firewall, in a network namespace that is thrown
// away. Starts with plain Node and no packages. Without root or iptables, or with --offline, it shows
// the half that needs neither.
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureDebianPackages, ensureNpm, hasKernelAccess } from './install.mjs'

const ROOT = join(import.meta.dirname, '..')
const POLICY = 'examples/web-server/policy.yaml'
const LIVE = 'examples/web-server/live.rules'
const IP = 'ip'
const NAMESPACE = `fwctl-demo-${process.pid}`
const STATE = mkdtempSync(join(tmpdir(), 'fwctl-demo-'))

process.chdir(ROOT)
prepare()
try {
  if (!process.argv.includes('--offline') && hasKernelAccess() && makeNamespace()) withKernel()
  else offline()
} finally {
  spawnSync(IP, ['netns', 'del', NAMESPACE], { stdio: 'ignore' })
  rmSync(STATE, { recursive: true, force: true })
}

function prepare() {
  if (ensureNpm() !== 0) fail('The npm packages could not be installed.')
  if (ensureDebianPackages() !== 0) console.log('Not all Debian packages could be installed.')
  if (isBuilt()) return
  const built = spawnSync(process.execPath, ['scripts/build.mjs'], { encoding: 'utf8' })
  if (built.status !== 0) fail(`The build failed.\n${built.stdout}${built.stderr}`)
}

/** Whether what was built is newer than everything that it is made from. */
function isBuilt() {
  if (!existsSync('dist/main.cjs')) return false
  const built = statSync('dist/main.cjs').mtimeMs
  return ['src', 'schemas', 'package.json', 'package-lock.json', 'scripts/build.mjs'].every(
    (path) => newest(path) <= built,
  )
}

function newest(path) {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(...readdirSync(path).map((entry) => newest(join(path, entry))))
}

/** False where the kernel does not let us, as in most containers. */
function makeNamespace() {
  const made = spawnSync(IP, ['netns', 'add', NAMESPACE], { encoding: 'utf8' })
  if (made.status === 0) return true
  console.log(`No network namespace can be made here: ${made.stderr.trim()}\n`)
  return false
}

function withKernel() {
  const host = ['--netns', NAMESPACE]
  const state = ['--state-dir', STATE]
  say(`A network namespace of its own, ${NAMESPACE}, with the rules of a host that has been lived in:
fail2ban, a forgotten port 8080, ssh open to everybody. This machine's own firewall is not touched.`)
  inside(['iptables-restore', '--counters'], readFileSync(LIVE, 'utf8'))
  inside(['iptables', '-S'], undefined, 'show')

  say('What would the policy change?')
  fwctl(['plan', POLICY, ...host])

  say('Apply it. On a terminal it asks; here it is told not to.')
  fwctl(['apply', POLICY, '--auto-approve', ...host, ...state], 0, 'tail')

  say("The plan is empty now. fail2ban's chain and its rule are where they were.")
  fwctl(['plan', POLICY, ...host, '--detailed-exitcode'])
  inside(['iptables', '-S', 'INPUT'], undefined, 'show')

  say('Somebody opens a port by hand …')
  inside(
    ['iptables', '-I', 'INPUT', '3', '-p', 'tcp', '--dport', '8080', '-j', 'ACCEPT'],
    undefined,
    'echo',
  )
  say('… and the plan shows it. Exit code 2 tells a script.')
  fwctl(['plan', POLICY, ...host, '--detailed-exitcode'], 2)

  say('Back to how it was before fwctl came.')
  fwctl(['snapshots', ...host, ...state])
  fwctl(['rollback', '--auto-approve', ...host, ...state], 0, 'tail')
  inside(['iptables', '-S', 'INPUT'], undefined, 'show')
}

function offline() {
  say(`Without root and iptables there is no kernel to show it on. Planning needs neither: here is the
policy against the recorded rules of a host, ${LIVE}.`)
  fwctl(['validate', POLICY])
  fwctl(['plan', POLICY, '--live4', LIVE])
  say('The same for a pull request, and for programs.')
  fwctl(['plan', POLICY, '--live4', LIVE, '--format', 'diff'])

  say('A policy from what is live. Planned against it, there is nothing to do.')
  const imported = join(STATE, 'imported.yaml')
  const policy = fwctl(['import', '--live4', LIVE])
  writeFileSync(imported, policy)
  fwctl(['plan', imported, '--live4', LIVE])
}

/** Shows a command as one would type it, runs it, and stops the demo when it ends otherwise. */
function fwctl(args, expected = 0, show = 'all') {
  console.log(`$ fwctl ${args.join(' ')}`)
  const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/main.cjs', ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}) },
  })
  console.log(indent(show === 'tail' ? `${lastLine(stdout)}${stderr}` : `${stderr}${stdout}`))
  if (status !== expected) fail(`It ended with exit code ${status} instead of ${expected}.`)
  return stdout
}

/** Runs a program in the namespace. */
function inside(command, input, show = 'hide') {
  const full = ['netns', 'exec', NAMESPACE, ...command]
  const { status, stdout, stderr } = spawnSync(IP, full, { encoding: 'utf8', input })
  if (status !== 0) fail(`${command.join(' ')}: ${stderr}`)
  if (show !== 'hide') console.log(`$ ${command.join(' ')}`)
  if (show === 'show') console.log(indent(stdout))
}

function say(text) {
  const line = process.stdout.isTTY ? `\u001b[1m${text}\u001b[22m` : text
  console.log(`\n── ${line}\n`)
}

function indent(text) {
  return text.trimEnd().replaceAll(/^(?=.)/gm, '  ')
}

function lastLine(text) {
  return `${text.trimEnd().split('\n').at(-1)}\n`
}

function fail(message) {
  console.error(message)
  spawnSync(IP, ['netns', 'del', NAMESPACE], { stdio: 'ignore' })
  rmSync(STATE, { recursive: true, force: true })
  process.exit(1)
}
