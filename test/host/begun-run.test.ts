import { expect, test } from 'vitest'
import { beginRun, takingUp } from '../../src/host/begun-run.ts'
import { localExecutor } from '../../src/host/local-executor.ts'
import { temporaryFolder } from '../cli/run-cli.ts'

const COMMAND = { timeoutMs: 10_000 }

function begin(program: string, ...args: string[]) {
  const begun = beginRun({ program, args, ...COMMAND })
  if (begun === undefined) throw new Error(`${program} is not installed`)
  return begun
}

test('a program that was begun is taken for the same one that is asked for, once', async () => {
  // $$ is the number of the process.
  const begun = begin('sh', '-c', 'echo $$')
  const executor = takingUp(localExecutor(), [begun])
  const ask = () => executor.run({ program: begun.program, args: ['-c', 'echo $$'], ...COMMAND })
  const first = await ask()
  expect(first).toEqual(await begun.result)
  expect((await ask()).stdout).not.toBe(first.stdout)
})

test.each([
  ['other arguments', { args: ['-c', 'echo asked'] }],
  ['another environment', { env: { A: 'b' } }],
  ['something to read', { input: 'x' }],
])('with %s it is another program', async (_, other) => {
  const begun = begin('sh', '-c', 'echo $$')
  const executor = takingUp(localExecutor(), [begun])
  const asked = { program: begun.program, args: ['-c', 'echo $$'], ...COMMAND, ...other }
  expect((await executor.run(asked)).stdout).not.toBe((await begun.result).stdout)
})

test('what it printed before it was asked for is handed over first, and nothing is lost', async () => {
  const script =
    'printf "one\\ntw"; sleep 0.1; printf "o\\n\\303"; sleep 0.1; printf "\\244\\n\\377\\nend"'
  const begun = begin('sh', '-c', script)
  await new Promise((resolve) => setTimeout(resolve, 50))
  const executor = takingUp(localExecutor(), [begun])
  let heard = ''
  const { stdout } = await executor.run({
    program: begun.program,
    args: ['-c', script],
    ...COMMAND,
    onOutput: (text) => {
      expect(text).toMatch(/\n$/)
      heard += text
    },
  })
  expect(stdout).toBe('one\ntwo\n\u00e4\n\udcff\nend')
  expect(stdout.startsWith(heard)).toBe(true)
  expect(heard).toBe('one\ntwo\n\u00e4\n\udcff\n')
})

test('how it failed is said to whoever asks for it, and to nobody else', async () => {
  const begun = begin('sh', '-c', 'echo no >&2; exit 3')
  const executor = takingUp(localExecutor(), [begun])
  const result = await executor.run({
    program: begun.program,
    args: ['-c', 'echo no >&2; exit 3'],
    ...COMMAND,
  })
  expect(result).toEqual({ status: 3, stdout: '', stderr: 'no\n' })
})

test('what failed once is a failure, even if it would not fail again', async () => {
  using folder = temporaryFolder()
  const script = `test -e ${folder.path}/again && exit 0; touch ${folder.path}/again; echo half; exit 1`
  const begun = begin('sh', '-c', script)
  await begun.result
  const asked = { program: begun.program, args: ['-c', script], ...COMMAND }
  const heard: string[] = []
  const result = await takingUp(localExecutor(), [begun]).run({
    ...asked,
    onOutput: (text) => heard.push(text),
  })
  expect(result).toEqual({ status: 1, stdout: 'half\n', stderr: '' })
  expect(heard).toEqual(['half\n'])
})

test('it is ended with the run that took it up, and when nobody did', async () => {
  const begun = begin('sleep', '60')
  const ending = new AbortController()
  const executor = takingUp(localExecutor(), [begun])
  const run = executor.run({
    program: begun.program,
    args: ['60'],
    ...COMMAND,
    signal: ending.signal,
  })
  ending.abort()
  await expect(run).rejects.toMatchObject({ code: 'cancelled' })
  const unwanted = begin('sleep', '60')
  unwanted.stop()
  await expect(unwanted.result).rejects.toMatchObject({ code: 'cancelled' })
})

test('a program that is not there is not begun', () => {
  expect(beginRun({ program: 'no-such-program', args: [], ...COMMAND })).toBeUndefined()
})
