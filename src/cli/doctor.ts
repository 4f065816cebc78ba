import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'

export async function doctor(_context: Context): Promise<ExitCode> {
  return EXIT.done
}
