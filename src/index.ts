/**
 * The library: the pipeline that the command line runs, as functions. docs/library.md tells how they
 * fit together; examples/library.ts is a program of twenty lines.
 *
 * Everything up to the plan is pure. `localExecutor`, `readLive` and what comes after them touch the
 * host.
 */

// Findings and failures
export {
  type Diagnostic,
  type DiagnosticCode,
  hasErrors,
  type Position,
} from './base/diagnostic.ts'
// The iptables client
export * from './client.ts'
// The host
export { type ApplyOutcome, type ApplyRequest, applyPlan } from './host/apply.ts'
export { detectBackend, type HostBackend } from './host/backend.ts'
export { type Live, type LiveFamily, parseLive, readLive } from './host/live.ts'
export { localMachine } from './host/local-machine.ts'
export { rehearse } from './host/rehearsal.ts'
export type { Rehearsal } from './host/rehearsed.ts'
export { planRollback } from './host/rollback.ts'
export { readSets } from './host/sets.ts'
export { listSnapshots, readSnapshot, type Snapshot } from './host/snapshots.ts'
export { type SshMachine, sshMachine } from './host/ssh-machine.ts'
export { parseSshTarget, type SshTarget } from './host/ssh-target.ts'
export { openStateDir, type StateDir } from './host/state-dir.ts'
export { sudoMachine } from './host/sudo-machine.ts'
// ipset
export type { SetChange } from './ipset/diff.ts'
export { parseSets, printSet } from './ipset/save.ts'
export type { IpSet, LiveSets, SetEntry, SetGoal, SetHeader } from './ipset/set.ts'
// iptables-save text
export { parseSave, printSave } from './iptables/save.ts'
export type { SavedRuleset } from './iptables/save-reader.ts'
// The plan
export type { Change, Summary } from './plan/change.ts'
export { diffRulesets } from './plan/diff.ts'
export { type Drift, type FamilyDrift, findDrift, hasDrift } from './plan/drift.ts'
export { type PolicyPlan, planFromPolicy } from './plan/from-policy.ts'
export {
  type FamilyPlan,
  isEmptyPlan,
  makePlan,
  type Plan,
  removesOthers,
} from './plan/plan.ts'
export { planFromSaved, readSavedPlan, serialisePlan } from './plan/saved.ts'
// The policy
export { type CompiledPolicy, compilePolicy } from './policy/compile.ts'
export { diskFiles, type PolicyFiles } from './policy/files.ts'
export { formatPolicy } from './policy/format.ts'
export { importPolicy } from './policy/import.ts'
export { type LoadedPolicy, loadPolicy } from './policy/load.ts'
export { parsePolicy } from './policy/parse.ts'
export type { Policy } from './policy/policy.ts'
// Reports
export { diagnosticsJson, diagnosticsText } from './report/diagnostics.ts'
export { driftJson } from './report/drift-json.ts'
export { driftText } from './report/drift-text.ts'
export { planDiff } from './report/plan-diff.ts'
export { planJson } from './report/plan-json.ts'
export { planMarkdown } from './report/plan-markdown.ts'
export { planText } from './report/plan-text.ts'
// The model
export type {
  Chain,
  Dialect,
  Rule,
  RuleSpec,
  Ruleset,
  Table,
} from './ruleset/model.ts'
