import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type AppliedRecord, readApplied, writeApplied } from '../../src/host/applied.ts'
import { localMachine } from '../../src/host/local-machine.ts'
import { DEFAULT_OWNERSHIP } from '../../src/policy/policy.ts'
import { temporaryFolder } from '../cli/run-cli.ts'

function recordOf(rules: string, desired?: string): AppliedRecord {
  const ipv4 = { rules, ...(desired !== undefined && { desired }) }
  return {
    formatVersion: 1,
    appliedAt: '2026-01-01T00:00:00.000Z',
    user: 'root',
    reason: 'test',
    ownership: DEFAULT_OWNERSHIP,
    families: { ipv4 },
  }
}

const ALL =
  '*filter\n:INPUT DROP\n:FORWARD ACCEPT\n:WEB -\n-A INPUT -j WEB\n-A WEB -s \udcff\nCOMMIT\n'

describe('what was applied is read back', () => {
  test.each([
    ['all of it declared', ALL, ALL, true],
    [
      'but for a chain that the policy does not name',
      ALL,
      ALL.replace(':FORWARD ACCEPT\n', ''),
      true,
    ],
    [
      'but for two pieces',
      ALL,
      ALL.replace(':FORWARD ACCEPT\n', '').replace('-A INPUT -j WEB\n', ''),
      false,
    ],
    ['with more declared than there is', ALL.slice(0, -7), ALL, false],
    ['nothing of it declared', ALL, '', true],
    ['with other rules declared', ALL, ALL.replace('WEB', 'web'), false],
    ['declared by nobody', ALL, undefined, false],
  ])('%s', async (_, rules, desired, isWrittenOnce) => {
    using folder = temporaryFolder()
    const stateDir = { machine: localMachine(), applied: join(folder.path, 'applied.json') }
    const record = recordOf(rules, desired)
    await writeApplied(stateDir, record)
    expect(await readApplied(stateDir)).toEqual(record)
    const written = JSON.parse(readFileSync(stateDir.applied, 'latin1'))
    expect(written.formatVersion).toBe(2)
    expect('undeclared' in written.families.ipv4).toBe(isWrittenOnce)
    expect('desired' in written.families.ipv4).toBe(desired !== undefined && !isWrittenOnce)

    const text = readFileSync(stateDir.applied, 'latin1')
    writeFileSync(stateDir.applied, text.replace('DROP', 'drop'), 'latin1')
    await expect(readApplied(stateDir)).rejects.toMatchObject({ code: 'untrusted-file' })
  })
})
