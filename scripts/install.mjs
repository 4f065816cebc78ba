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
}

/** Installs the npm packages, unless they are there and as new as the lock file. */
export function ensureNpm() {
  const lock = join(ROOT, 'package-lock.json')
  const installed = join(ROOT, 'node_modules/.package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'])
}

/** Installs the Debian packages whose program is missing. Without root or apt it only says so. */
export function ensureDebianPackages() {
  const missing = Object.entries(DEBIAN_PACKAGES).filter(([program]) => !hasProgram(program))
  if (missing.length === 0) return
  const packages = missing.map(([, name]) => name)
  if (!IS_ROOT || !hasProgram('apt-get')) {
    console.log(`missing, and can not be installed without root and apt: ${packages.join(' ')}`)
    return
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  run('apt-get', ['update', '-qq'], env)
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], env)
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

function run(command, args, env = {}) {
  console.log(`$ ${command} ${args.join(' ')}`)
  const { status, error } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  })
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? `exit code ${status}`}`)
}
