import { execFileSync } from 'node:child_process'
import { Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { VERBS } from '../../src/cli/verb-table.ts'
import { runCli, verbOf } from './run-cli.ts'

describe('usage', () => {
  test.each([
    [['plna'], 'Did you mean plan?'],
    [['plan', '--live5', 'x'], 'Did you mean one of --live4, --live6?'],
    [['plan', 'a', 'b'], 'too many arguments'],
    [['plan', '--live4'], 'argument missing'],
    [['plan', '--format', 'yaml'], 'Allowed choices are text, json, markdown, diff'],
    [['--format', 'yaml', 'plan'], 'Allowed choices are text, json, markdown, diff'],
    [['render', '--format', 'json'], '--format does not apply to render'],
    [['--format', 'json', 'render'], '--format does not apply to render'],
    [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish'],
    [['completion'], "missing required argument 'SHELL'"],
    [['--live4', 'x', 'doctor'], '--live4 does not apply to doctor'],
    [['doctor', '--host', 'ssh://-oProxyCommand=x'], 'write it as ssh://[USER@]HOST[:PORT]'],
    [['doctor', '--netns', 'a', '--container', 'b'], 'not both'],
    [['plan', '--var', 'novalue'], '--var NAME=VALUE'],
    [['plan', '--backend', 'ebtables'], 'Allowed choices are auto, nft, legacy'],
    [['validate'], 'There is no fwctl.yaml here'],
  ])('%j exits 64 and says why', async (argv, message) => {
    const elsewhere = verbOf(argv)?.shared.includes('netns') ? ['--netns', 'there-is-none'] : []
    const { code, stdout, stderr } = await runCli([...elsewhere, ...argv], { cwd: '/' })
    expect(stderr).toContain(message)
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
  })

  test('without a verb the help goes to stderr, and the exit code is that of a usage error', async () => {
    const { code, stdout, stderr } = await runCli([])
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
    expect(stderr).toContain('Commands:')
  })

  test.each(VERBS.map((verb) => verb.name))('%s --help tells its summary', async (name) => {
    const { code, stdout, stderr } = await runCli([name, '--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain(VERBS.find((verb) => verb.name === name)?.summary.slice(0, 40))
  })
})

test.each([
  [['apply']],
  [['plan', 'web.yaml', '--detailed-exitcode']],
  [['--quiet', 'restore']],
  [['clear', '--all', '--auto-approve']],
  [['install', '--watch']],
])('no test runs %j: it would be on the machine itself', async (argv) => {
  await expect(runCli(argv)).rejects.toThrow('on the machine itself')
})

test('an unexpected exception is called a bug, exits 70 and asks for a report', async () => {
  const broken = new Writable()
  broken.write = () => {
    throw new TypeError('boom')
  }
  const { code, stderr } = await runCli(['schema'], { stdout: broken })
  expect(code).toBe(70)
  expect(stderr).toMatch(/this is a bug in fwctl: boom\n.*--log-level debug/)
  expect(stderr).not.toContain('    at ')

  const debug = await runCli(['schema', '--log-level', 'debug'], { stdout: broken })
  expect(debug.stderr).toContain('    at ')
})

describe('completion', () => {
  test.each(['bash', 'zsh', 'fish'])('%s knows every verb and every option', async (shell) => {
    const { code, stdout } = await runCli(['completion', shell])
    expect(code).toBe(0)
    for (const verb of VERBS) {
      expect(stdout).toContain(verb.name)
      for (const { flags } of verb.options) {
        expect(stdout).toContain(/--([\w-]+)/.exec(flags)?.[1])
      }
    }
  })

  test('bash offers verbs, then the options and the words of the verb', async () => {
    const { stdout } = await runCli(['completion', 'bash'])
    expect(complete(stdout, ['fwctl', 'val'])).toEqual(['validate'])
    expect(complete(stdout, ['fwctl', 'plan', '--form'])).toEqual(['--format'])
    expect(complete(stdout, ['fwctl', 'plan', '--format', 'm'])).toEqual(['markdown'])
    expect(complete(stdout, ['fwctl', '--quiet', 'schema', 'di'])).toEqual(['diagnostics'])
  })

  function complete(script: string, words: readonly string[]): string[] {
    const ask = `${script}
      COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
      COMP_CWORD=${words.length - 1}
      _fwctl
      printf '%s\\n' "\${COMPREPLY[@]}"`
    return execFileSync('bash', ['-c', ask], { encoding: 'utf8' }).trim().split('\n')
  }
})

describe('schema', () => {
  test.each(['policy', 'plan', 'drift', 'diagnostics'])('prints the %s schema', async (name) => {
    const { code, stdout } = await runCli(['schema', name])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toHaveProperty('$schema')
  })
})
