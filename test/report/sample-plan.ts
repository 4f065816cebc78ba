import { makePlan, type Plan } from '../../src/plan/plan.ts'
import type { Origin, Rule, Ruleset } from '../../src/ruleset/model.ts'
import { ruleWith } from '../../src/ruleset/rule-with.ts'
import { chain, counters, fullTable, rule, ruleset } from '../plan/rulesets.ts'

/** A plan that has every kind of change, and texts that a report must not let through as they are. */
export function samplePlan(): Plan {
  return makePlan({
    policyDigest: `sha256:${'0'.repeat(64)}`,
    families: [
      { dialect: { family: 'ipv4', backend: 'nft', version: [1, 8, 9] }, live, desired },
      {
        dialect: { family: 'ipv6', backend: 'nft', version: [1, 8, 9] },
        live: {
          family: 'ipv6',
          tables: [
            fullTable(
              'filter',
              chain('INPUT', ['[4:40] -s 6::1 -j DROP', '-i lo']),
              chain('GONE', ['[2:20] -s 6::2']),
            ),
          ],
        },
        target: {
          family: 'ipv6',
          tables: [fullTable('filter', chain('INPUT', ['-i lo', '-s 6::1 -j DROP']))],
        },
      },
    ],
  })
}

export function emptyPlan(): Plan {
  return makePlan({
    families: [
      { dialect: { family: 'ipv4', backend: 'legacy', version: [1, 8, 9] }, live, target: live },
    ],
  })
}

const live: Ruleset = ruleset(
  fullTable('nat', chain('POSTROUTING', ['-j DOCKER']), chain('DOCKER')),
  fullTable(
    'filter',
    chain(
      'INPUT',
      [
        '[100:8000] -i lo -j ACCEPT',
        '[3:180] -p tcp -s 198.51.100.7 -j ACCEPT',
        '[12:720] -d 203.0.113.9 -m comment --comment "evil \u001b[2K ``` <b> `| x" -j ACCEPT',
        '[9:900] -i eth1 -j LOG',
        '-j DOCKER-USER',
        '-i eth2 -j LOG',
      ],
      { policy: 'ACCEPT', counters: counters(41, 4100) },
    ),
    chain('DOCKER-USER', ['-j RETURN']),
    chain('OLD', ['[1:60] -s 192.0.2.1 -j DROP']),
  ),
)

const desired: Ruleset = ruleset({
  name: 'filter',
  chains: [
    {
      name: 'INPUT',
      policy: 'DROP',
      origin: at(8, 15),
      rules: [
        from(at(10, 11, 'loopback'), '-i lo -j ACCEPT'),
        from(at(11, 11, 'the office'), '-p tcp -s 198.51.100.8 -j ACCEPT'),
        from(at(12, 11), '-i eth2 -j LOG'),
        from(at(13, 11), '-i eth1 -j LOG'),
        from(
          at(14, 11, 'web'),
          '-p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -j WEB',
        ),
      ],
    },
    { name: 'OLD', rules: [] },
    { name: 'WEB', origin: at(20, 7), rules: [from(at(22, 11), '-j ACCEPT')] },
  ],
})

function at(line: number, column: number, name?: string): Origin {
  return { file: 'fwctl.yaml', line, column, ...(name === undefined ? {} : { name }) }
}

function from(origin: Origin, text: string): Rule {
  return ruleWith(rule(text), { origin })
}
