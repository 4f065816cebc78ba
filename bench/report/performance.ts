import type { CaseResult } from '../case.ts'
import type { Machine } from '../machine.ts'
import type { Report } from './report.ts'
import { boundsTable, comparisonTables, costTable } from './tables.ts'

/** docs/performance.md. */
export function performanceMarkdown({ date, minutes, machine, results }: Report): string {
  const of = (pattern: RegExp): readonly CaseResult[] =>
    results
      .filter(({ id }) => pattern.test(id))
      .toSorted((a, b) => (a.place?.rules ?? 0) - (b.place?.rules ?? 0))
  const section = (title: string, cases: readonly CaseResult[], text = ''): string =>
    cases.length === 0 ? '' : `## ${title}\n\n${text}${comparisonTables(cases)}\n\n`
  const startUp = results.find(({ id }) => id === 'start-up')
  return `<!-- Made by \`npm run bench -- --write\`. Do not edit. -->

# Performance

The kernel's own tools set the limit: fwctl reads with iptables-save and writes with iptables-restore,
and it should add little to what these cost.

${machineText(machine)}
Measured on ${date}, in ${minutes} minutes, ${runsText(results)}.

## What fwctl keeps to

${boundsTable(results)}

B, S, F, D and the peers were measured in the same run, in turn with fwctl:

| | |
|---|---|
| B | \`node -e 0\`: no program in Node starts faster |
| S | \`iptables-save -c\`: what it takes to know what is live |
| F | \`iptables-restore\` of the whole ruleset |
| D | \`iptables-restore --noflush\` with the one line that makes the change |
| yaml | parsing the policy with the package \`yaml\` alone, without the start of Node |
| ferm, shorewall, ufw | \`ferm FILE\`, \`shorewall reload\`, \`ufw allow\`, each with the same rules |
| go-iptables | a Go program that calls \`Append\` for each rule, or \`Exists\` |

fwctl is run as users run it, \`node dist/main.cjs\`, with its caches filled unless the row says otherwise.
\`apply\` here always rehearses the change in a namespace of its own (of first loads one rule of each form,
of a chain of thousands the rules that change, docs/decisions/0046), takes a snapshot, and reads back what has become of it; ferm and iptables-restore do
none of that. \`fwctl client\` is a program with \`fwctl/client\` that does it in one transaction.

## Growth

Rules of many kinds in chains of 50. Both axes are logarithmic.

![Time of plan by number of rules](performance-plan.svg)

![Time of apply by number of rules](performance-apply.svg)

${comparisonTables(of(/^(plan-sync|apply-one)\/\w+\/\d+$/))}

${section(
  'Other rulesets',
  of(/^(plan-sync|apply-one)\/\w+\/[a-z-]+\/10000$/),
  `One chain of everything; a block list; services, each with its clients, all in INPUT; a chain for each
pair of 10 zones; and the nat table of kube-proxy.

`,
)}${section('Shorewall and ufw', of(/^apply-one\/\w+\/services\/1000$/), 'ufw can not change a rule: it adds one, and deletes it again.\n\n')}${section('A policy that was never seen', of(/^plan-cold/))}${section('First load', of(/^(first-load|go-append)/))}${section('Many edits in one chain', of(/^edits/), 'What iptables-restore takes for them in each form, in the form that fwctl chose, and the whole apply.\n\n')}${section('Rule by rule', of(/^(go-exists|client)/))}${
  startUp === undefined ? '' : `## Short commands\n\n${costTable(startUp)}\n\n`
}## To repeat it

    npm run bench                # all of it, in some 25 minutes
    npm run bench -- --quick     # less of everything, in some 3
    npm run bench -- --only plan-sync/nft --runs 21
    npm run bench -- --list      # the names of the cases
    npm run bench -- --write     # and this page, its plots and bench/latest.json from the figures

It needs root and nothing else to be running. Everything happens in network and mount namespaces that are
thrown away; the machine's own rules and files are not touched. Peers take part if they are installed
(Debian: \`ferm\`, \`shorewall\`, \`ufw\`, \`golang-go\` with \`golang-github-coreos-go-iptables-dev\`).

All that are compared run once, then all once more, and so on, beginning with another one each time:
what disturbs the machine for a while disturbs them all. CPU is user and system time of a command and all
that it starts. The peak memory is that of the largest process among them.

What makes figures worthless, and what is done about it: \`NODE_EXTRA_CA_CERTS\` doubles the start of every
Node program, so nothing of the caller's environment is handed on; Debian's ferm takes the legacy
iptables where it is installed, so its namespace has only the one that is measured; a commit on nft waits
for the kernel, so wall time is more than CPU time; and the kernel reads a chain of nft in quadratic time.
`
}

/** Slow ones are run less often. */
function runsText(results: readonly CaseResult[]): string {
  const runs = results.flatMap(({ costs }) => Object.values(costs).map((cost) => cost.runs))
  return `each command ${Math.min(...runs)} to ${Math.max(...runs)} times`
}

function machineText({ processor, cores, memoryGb, kernel, versions }: Machine): string {
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return `${processor}, ${cores} cores, ${memoryGb} GB, Linux ${kernel};\n${programs.join(', ')}.`
}
