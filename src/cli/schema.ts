import diagnostics from '../../schemas/diagnostics.schema.json' with { type: 'json' }
import drift from '../../schemas/drift.schema.json' with { type: 'json' }
import plan from '../../schemas/plan.schema.json' with { type: 'json' }
import policy from '../../schemas/policy.schema.json' with { type: 'json' }
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'

const SCHEMAS: Readonly<Record<string, unknown>> = { policy, plan, drift, diagnostics }

export async function schema({ args, print }: Context): Promise<ExitCode> {
  print(`${JSON.stringify(SCHEMAS[args[0] ?? 'policy'], null, 2)}\n`)
  return EXIT.done
}
