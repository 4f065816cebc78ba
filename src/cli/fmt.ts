import { resolve } from 'node:path'
import { formatPolicy } from '../policy/format.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { readInput, replaceFile } from './files.ts'
import { refuseErrors } from './findings.ts'
import { DEFAULT_POLICY } from './verb.ts'

/** Exit 1 when `--check` finds that the file is not formatted. */
export async function fmt(context: Context): Promise<ExitCode> {
  const { options, print, complain, note } = context
  const path = context.args[0] ?? DEFAULT_POLICY
  const before = await readInput(path, context)
  const { text = before, diagnostics } = formatPolicy(before, path === '-' ? 'stdin' : path)
  refuseErrors(diagnostics, new Map([[path, before]]))
  if (options.check) {
    if (text === before) return EXIT.done
    complain(`${path} is not formatted; fwctl fmt --write ${path} does it.\n`)
    return EXIT.failed
  }
  if (!options.write || path === '-') {
    print(text)
    return EXIT.done
  }
  if (text === before) return EXIT.done
  await replaceFile(resolve(context.cwd, path), text)
  note(`Formatted ${path}.`)
  return EXIT.done
}
