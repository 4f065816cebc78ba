import { describe, expect, test } from 'vitest'
import { canonicalElements } from '../../src/ipset/element.ts'
import { canonicalHeader, printHeader } from '../../src/ipset/header.ts'
import { isProblem } from '../../src/ipset/problem.ts'
import { parseSets } from '../../src/ipset/save.ts'
import type { SetHeader, SetTypeName } from '../../src/ipset/set.ts'
import { randomEntry, randomHeader, seeded, TYPE_NAMES } from '../ipset/random-set.ts'
import { type Scratch, scratchNamespace } from './namespace.ts'

const HEADERS = 12
const ENTRIES = 25

/** A set of its own for each entry, and what we say that the kernel makes of it. */
interface Sample {
  readonly name: string
  readonly typed: SetHeader
  readonly header: SetHeader
  readonly entry: string
  readonly elements: readonly string[] | undefined
}

describe.each(TYPE_NAMES)('entries of %s', (type) => {
  test('are kept by the kernel in the words that we say, or refused as we say', async () => {
    await using scratch = await scratchNamespace()
    if (!(await isBuilt(scratch, type))) return
    const { valid, invalid } = samples(type)
    const input = valid.map(
      ({ name, typed, entry }) => `create ${name} ${printHeader(typed)}\nadd ${name} ${entry}\n`,
    )
    await scratch.run('ipset', ['restore'], MEMBERS + input.join(''))
    const { sets } = parseSets(await scratch.run('ipset', ['save']), () => true)
    const different = valid.flatMap(({ name, entry, header, elements = [] }) => {
      const kernel = sets.get(name)
      const kept = kernel?.entries.map((one) => one.element).sort() ?? []
      const told = [...new Set(elements)].sort()
      const isSame = kept.join() === told.join() && sameHeader(kernel?.header, header)
      return isSame
        ? []
        : [`${printHeader(header)}: ${entry} is ${brief(kept)}, not ${brief(told)}`]
    })
    expect(different).toEqual([])
    expect(valid.length).toBeGreaterThan(30)
    const taken: string[] = []
    for (const { typed, entry } of invalid.slice(0, 12)) {
      const tried = `create s ${printHeader(typed)}\nadd s ${entry}\n`
      const result = await restore(scratch, MEMBERS.replaceAll('create', '-exist create') + tried)
      if (result === '') taken.push(`${printHeader(typed)}: ${entry}`)
      await scratch.run('ipset', ['destroy', 's'])
    }
    expect(taken).toEqual([])
  })
})

const MEMBERS = 'create member-a hash:ip\ncreate member-b hash:net\n'

function samples(type: SetTypeName): { readonly valid: Sample[]; readonly invalid: Sample[] } {
  const random = seeded(type.length * 7919)
  const valid: Sample[] = []
  const invalid: Sample[] = []
  for (let i = 0; i < HEADERS; i++) {
    const typed = randomHeader(type, random)
    const header = canonicalHeader(typed)
    if (isProblem(header)) throw new Error(header.message)
    for (let j = 0; j < ENTRIES; j++) {
      const entry = randomEntry(typed, random)
      const elements = canonicalElements(entry, header)
      const sample = { name: `s-${i}-${j}`, typed, header, entry }
      if (!isProblem(elements)) valid.push({ ...sample, elements })
      // What means something else than it says is taken by the kernel all the same.
      else if (!['never-matches', 'changes-meaning'].includes(elements.code))
        invalid.push({ ...sample, elements: undefined })
    }
  }
  return { valid, invalid }
}

/** A kernel may be built without some types: with those there is nothing to compare. */
async function isBuilt(scratch: Scratch, type: SetTypeName): Promise<boolean> {
  const range = type === 'bitmap:port' ? ' range 1-2' : ' range 10.0.0.0/24'
  const options = type.startsWith('bitmap') ? range : ''
  const said = await restore(scratch, `create probe ${type}${options}\ndestroy probe\n`)
  if (said !== '') expect(said).toContain('set type not supported')
  return said === ''
}

async function restore(scratch: Scratch, input: string): Promise<string> {
  const command = { program: 'ipset', args: ['restore'], input, timeoutMs: 60_000 }
  const result = await scratch.executor.run(command)
  return result.status === 0 ? '' : result.stderr
}

function sameHeader(a: SetHeader | undefined, b: SetHeader): boolean {
  const text = (header: SetHeader): string => {
    const { hashsize: _h, maxelem: _m, bucketsize: _b, ...rest } = header
    return printHeader(rest)
  }
  return a !== undefined && text(a) === text(b)
}

function brief(elements: readonly string[]): string {
  const more = elements.length > 4 ? ` and ${elements.length - 4} more` : ''
  return `${elements.slice(0, 4).join(' ')}${more}`
}
