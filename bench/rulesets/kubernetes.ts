import type { BenchChain, BenchRule, BenchRuleset } from './ruleset.ts'

const ENDPOINTS = 3
/** One in KUBE-SERVICES; for each endpoint one in the service's chain and two in its own. */
const RULES_PER_SERVICE = 1 + ENDPOINTS * 3
/** The first endpoint gets one of three, the second one of the two that are left. */
const PROBABILITIES = ['0.33333333349', '0.50000000000']
/** The jump to KUBE-SERVICES, and the mark. */
const FIXED_RULES = 2

/** What kube-proxy writes for services with three endpoints each: many chains of a rule or two. */
export function kubernetes(rules: number): BenchRuleset {
  const count = Math.max(0, Math.floor((rules - FIXED_RULES) / RULES_PER_SERVICE))
  const missing = rules - FIXED_RULES - count * RULES_PER_SERVICE
  const indices = Array.from({ length: count }, (_, i) => i)
  return {
    table: 'nat',
    chains: [
      { name: 'PREROUTING', policy: 'ACCEPT', rules: [{ jump: 'KUBE-SERVICES' }] },
      { name: 'INPUT', policy: 'ACCEPT', rules: [] },
      { name: 'OUTPUT', policy: 'ACCEPT', rules: [] },
      { name: 'POSTROUTING', policy: 'ACCEPT', rules: unmarked(missing) },
      { name: 'KUBE-SERVICES', rules: indices.map(serviceEntry) },
      { name: 'KUBE-MARK-MASQ', rules: [{ orMark: '0x4000' }] },
      ...indices.flatMap(serviceChains),
    ],
  }
}

function serviceEntry(service: number): BenchRule {
  return {
    destination: `10.96.${(service >> 8) & 255}.${service & 255}/32`,
    protocol: 'tcp',
    dport: ['443'],
    comment: `default/service-${service} cluster IP`,
    jump: `KUBE-SVC-${id(service)}`,
  }
}

function serviceChains(service: number): readonly BenchChain[] {
  const endpoints = Array.from({ length: ENDPOINTS }, (_, n) => ({
    probability: PROBABILITIES[n],
    chain: `KUBE-SEP-${id(service)}-${n}`,
    pod: `10.${244 + n}.${(service >> 8) & 255}.${service & 255}`,
  }))
  return [
    {
      name: `KUBE-SVC-${id(service)}`,
      rules: endpoints.map(({ probability, chain }) => ({
        ...(probability !== undefined && { probability }),
        comment: `default/service-${service}`,
        jump: chain,
      })),
    },
    ...endpoints.map(({ chain, pod }): BenchChain => {
      const masquerade: BenchRule = { source: `${pod}/32`, jump: 'KUBE-MARK-MASQ' }
      return { name: chain, rules: [masquerade, { protocol: 'tcp', dnat: `${pod}:8443` }] }
    }),
  ]
}

function id(service: number): string {
  return `${service}`.padStart(6, '0')
}

function unmarked(count: number): readonly BenchRule[] {
  return Array.from({ length: count }, (_, i) => ({ source: `10.244.0.${i}/32`, jump: 'RETURN' }))
}
