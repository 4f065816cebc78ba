/**
 * The iptables client alone, as `fwctl/client`: a program that manages single rules starts in half of the
 * time that the whole library takes to load. docs/library.md tells how it is used.
 */
export { type ErrorCode, FwctlError } from './base/error.ts'
export { type Container, containerExecutor, findContainer } from './host/container.ts'
export type { Executor, Machine } from './host/executor.ts'
export {
  IPTables,
  type IPTablesOptions,
} from './host/iptables/client.ts'
export { FakeIPTables, type FakeIPTablesOptions } from './host/iptables/fake.ts'
export type { CallOptions } from './host/iptables/invoke.ts'
export { iptablesReason, isNotExist, type Reason } from './host/iptables/reason.ts'
export type { MappingValue, RuleMapping } from './host/iptables/rule-mapping.ts'
export type { Rulespec } from './host/iptables/rulespec.ts'
export type { Stat, StatNetwork, StatRow } from './host/iptables/stats.ts'
export type { Transaction } from './host/iptables/transaction.ts'
export { localExecutor } from './host/local-executor.ts'
export { type Namespace, netnsExecutor } from './host/netns-executor.ts'
export type { Backend, Counters, Family, TableName } from './ruleset/model.ts'
