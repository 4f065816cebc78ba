import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Backend } from '../../src/ruleset/model.ts'
import { callLines } from '../languages/calls.ts'
import { openRoom, type Room } from '../room.ts'
import type { BenchRuleset } from '../rulesets/ruleset.ts'
import { isInstalled } from './peer.ts'

const GO = '/usr/bin/go'
/** Where Debian's golang-github-coreos-go-iptables-dev puts its source. */
const GOPATH = '/usr/share/gocode'
const SOURCE = join(GOPATH, 'src/github.com/coreos/go-iptables')

export interface GoIptables extends AsyncDisposable {
  readonly room: Room
  /** What does the action for all rules of the ruleset. */
  command(action: 'append' | 'exists'): readonly string[]
}

/** Builds a program that calls go-iptables; undefined where Go or the source is not installed. */
export async function openGoIptables(
  backend: Backend,
  ruleset: BenchRuleset,
): Promise<GoIptables | undefined> {
  if (!isInstalled(GO) || !existsSync(SOURCE)) return undefined
  const room = await openRoom({ only: backend })
  const program = join(room.folder, 'rules')
  const source = join(import.meta.dirname, 'go-iptables/main.go')
  const { status, stderr } = spawnSync(GO, ['build', '-o', program, source], {
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      HOME: room.folder,
      GOPATH,
      GO111MODULE: 'off',
      GOPROXY: 'off',
      GOCACHE: join(room.folder, 'go-cache'),
    },
  })
  if (status !== 0) throw new Error(`go build: ${stderr}`)
  const calls = room.write('calls', callLines(ruleset))
  return {
    room,
    command: (action) => [program, action, calls, ruleset.table],
    [Symbol.asyncDispose]: () => room[Symbol.asyncDispose](),
  }
}
