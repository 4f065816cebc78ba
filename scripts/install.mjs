// Puts in place what a clean clone lacks. Runs before anything is installed: plain Node, no packages.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const IS_ROOT = process.getuid?.() === 0

/** The programs that the end-to-end tests and the demo run, and the Debian package of each. */
const DEBIAN_PACKAGES = {
  iptables: 'iptables',
  ipset: 'ipset',
  ip: 'iproute2',
  nft: 'nftables',
  ssh: 'openssh-client',
  sshd: 'openssh-server',
  sudo: 'sudo',
  'systemd-analyze': 'systemd',
}

/** Installs the npm packages unless they are there and as new as the lock file. Returns the exit code. */
export function ensureNpm() {
  const lock = join(ROOT, 'package-lock.json')
  const installed = join(ROOT, 'node_modules/.package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return 0
  return run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'])
}

/**
 * Installs the Debian packages whose program is missing, and returns the exit code. Without root
 * and apt it says what is missing, and that is no failure: only the tests with a kernel need them.
 */
export function ensureDebianPackages() {
  const missing = Object.entries(DEBIAN_PACKAGES).filter(([program]) => !hasProgram(program))
  if (missing.length === 0) return 0
  const packages = missing.map(([, name]) => name)
  if (!IS_ROOT || !hasProgram('apt-get')) {
    console.log(`missing, and not installed for want of root or apt: ${packages.join(' ')}`)
    return 0
  }
  const install = ['install', '-y', '-qq', '--no-install-recommends', '-o', 'Dpkg::Use-Pty=0']
  return run('apt-get', ['update', '-qq']) || run('apt-get', [...install, ...packages])
}

/** Whether this machine can run the tests that need a kernel: then none may be skipped. */
export function hasKernelAccess() {
  return IS_ROOT && Object.keys(DEBIAN_PACKAGES).every(hasProgram)
}

function hasProgram(name) {
  // Debian keeps iptables in /usr/sbin, which not every PATH has.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.some((folder) => existsSync(join(folder, name)))
}

function run(command, args) {
  console.log(`$ ${command} ${args.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', env })
  if (error !== undefined) console.log(error.message)
  return status ?? 1
}
