import { type Check, examineHost } from '../host/doctor.ts'
import { makeStyle, type Style } from '../report/style.ts'
import { wrap } from '../report/wrap.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { openExecutor } from './host-input.ts'
import { stateRoot } from './target.ts'

/** Exit 1 when apply would not work here; warnings alone are no failure. */
export async function doctor(context: Context): Promise<ExitCode> {
  const { options, print } = context
  const executor = await openExecutor(context)
  const checks = await examineHost(executor, {
    backend: options.backend,
    stateDir: await stateRoot(context, executor),
  })
  print(
    options.format === 'json'
      ? `${JSON.stringify({ formatVersion: '1.0', checks }, null, 2)}\n`
      : checksText(checks, context),
  )
  return checks.some((check) => check.status === 'fail') ? EXIT.failed : EXIT.done
}

function checksText(
  checks: readonly Check[],
  { colour, columns }: Pick<Context, 'colour' | 'columns'>,
): string {
  const style = makeStyle(colour.stdout)
  const widest = Math.max(...checks.map((check) => check.name.length))
  const indent = 'warn'.length + 2 + widest + 2
  return checks
    .flatMap(({ name, status, detail, remedy }) => {
      const [first = '', ...rest] = wrap(detail, { width: columns, indent })
      const head = `${paint(status, style)(status.padEnd(4))}  ${style.bold(name.padEnd(widest))}  `
      const advice = remedy === undefined ? [] : wrap(`→ ${remedy}`, { width: columns, indent })
      return [head + first.slice(indent), ...rest, ...advice.map(style.cyan)]
    })
    .map((line) => `${line}\n`)
    .join('')
}

function paint(status: Check['status'], style: Style): (text: string) => string {
  return { ok: style.green, warn: style.yellow, fail: style.red }[status]
}
