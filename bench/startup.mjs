// How long fwctl takes to start, in times of `node -e 0` (B), side by side, as a Markdown table.
//   npm run bench:startup [-- RUNS [MAIN …]]
// MAIN is the built bin; several are compared. The last column is a first run, without a code cache.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

const [runs = '21', ...given] = process.argv.slice(2)
const ROOT = join(import.meta.dirname, '..')
const mains = given.length === 0 ? [join(ROOT, 'dist/main.cjs')] : given
const folder = mkdtempSync(join(tmpdir(), 'fwctl-bench-'))
// It costs every start of Node as much again, and is none of fwctl's.
const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env

try {
  for (const main of mains) report(main)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function report(main) {
  const example = join(ROOT, 'examples/web-server')
  const cases = {
    '`--version`': ['--version'],
    '`--help`': ['--help'],
    '`validate`, 3 rules': ['validate', policyOf(3)],
    '`validate`, 50 rules': ['validate', policyOf(50)],
    '`plan --live4`, 22 rules': [
      'plan',
      join(example, 'policy.yaml'),
      '--live4',
      join(example, 'live.rules'),
    ],
  }
  const base = { argv: ['-e', '0'], times: [] }
  const bare = withoutCache(main)
  const rows = Object.entries(cases).map(([name, argv]) => ({
    name,
    warm: { argv: [main, ...argv], times: [] },
    cold: { argv: [bare, ...argv], times: [] },
  }))
  const commands = [base, ...rows.flatMap(({ warm, cold }) => [warm, cold])]
  for (const { argv } of commands) wallTime(argv)
  for (let run = 0; run < Number(runs); run++) {
    for (const { argv, times } of commands) times.push(wallTime(argv))
  }

  const b = quantile(base.times, 0.5)
  const times = (command) => `${(quantile(command.times, 0.5) / b).toFixed(2)} B`
  const spread = ({ times }) =>
    [0.5, 0.25, 0.75].map((q) => Math.round(quantile(times, q))).join(' · ')
  console.log(`${main}, Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}`)
  console.log(`${runs} runs each, interleaved; wall time in ms: median · quartiles\n`)
  console.log('| command | ms | times B | first run |\n|---|---|---|---|')
  console.log(`| \`node -e 0\` (B) | ${spread(base)} | 1 B | |`)
  for (const { name, warm, cold } of rows) {
    console.log(`| ${name} | ${spread(warm)} | ${times(warm)} | ${times(cold)} |`)
  }
  console.log()
}

function policyOf(rules) {
  const path = join(folder, `${rules}.yaml`)
  const lines = Array.from({ length: rules }, (_, i) => {
    const source = `10.0.${i}.0/24`
    return `          - { name: rule ${i}, source: ${source}, protocol: tcp, dport: ${i + 1}, jump: ACCEPT }\n`
  })
  writeFileSync(
    path,
    `apiVersion: fwctl/v1\nfamilies: [ipv4]\ntables:\n  filter:\n    chains:\n      INPUT:\n        policy: DROP\n        rules:\n${lines.join('')}`,
  )
  return path
}

/** A copy in a folder that others could write to: there fwctl neither makes nor believes a cache. */
function withoutCache(main) {
  const copy = join(mkdtempSync(join(folder, 'copy-')), 'dist')
  mkdirSync(copy)
  const isCode = (path) => !/\.cache$|types$/.test(path)
  cpSync(dirname(main), copy, { recursive: true, filter: isCode })
  cpSync(join(dirname(main), '../package.json'), join(copy, '../package.json'))
  chmodSync(copy, 0o777)
  return join(copy, basename(main))
}

function wallTime(argv) {
  const started = performance.now()
  const { status, stderr } = spawnSync(process.execPath, argv, { env, encoding: 'utf8' })
  const elapsed = performance.now() - started
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`)
  return elapsed
}

function quantile(times, q) {
  return times.toSorted((a, b) => a - b)[Math.floor((times.length - 1) * q)]
}
