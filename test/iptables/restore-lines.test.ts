import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eachLine } from '../../src/iptables/restore-lines.ts'
import { parseSave } from '../../src/iptables/save.ts'
import { saveReader } from '../../src/iptables/save-reader.ts'

type Line = readonly [text: string, count: number]

function linesOf(text: string): readonly Line[] {
  const lines: Line[] = []
  expect(eachLine(text, (line, count) => lines.push([line, count]), true)).toBe('')
  return lines
}

/** What a line is, said by a regular expression. */
const CLOSED = /^[^"]*(?:"(?:[^"\\]|\\[\s\S])*"[^"]*)*$/

function plainly(text: string): readonly Line[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const joined: Line[] = []
  for (let at = 0; at < lines.length; at++) {
    const ends = lines.map((_, end) => end).filter((end) => end >= at)
    const end = lines[at]?.startsWith('#')
      ? at
      : (ends.find((last) => CLOSED.test(lines.slice(at, last + 1).join('\n'))) ?? at)
    joined.push([lines.slice(at, end + 1).join('\n'), end - at + 1])
    at = end
  }
  return joined
}

const texts = fc
  .array(fc.constantFrom('"', '"', '\\', '\n', '\n', '#', '-A INPUT ', 'a', ' '), { maxLength: 40 })
  .map((parts) => parts.join(''))

test('a line ends where no quotes are open, and never where a comment holds a newline', () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(linesOf(text)).toEqual(plainly(text))
    }),
    { numRuns: 2000 },
  )
})

test('a dump that arrives in pieces is the dump that arrives at once, wherever it is cut', () => {
  const head = '*filter\n:INPUT ACCEPT [1:2]\n:own - [0:0]\n'
  const rule = fc.constantFrom(
    '[0:0] -A INPUT -j own\n',
    '[7:700] -A own -m comment --comment "a \\" b" -j ACCEPT\n',
    '-A own -m comment --comment "two\n-A lines" -j DROP\n',
    '[0:0] -A elsewhere -j DROP\n',
    '-A own -m comment --comment "never closed -j DROP\n',
    '-A INPUT -s 1.2.3.4,5.6.7.8 -j DROP\n',
    '-A own -c 1 2 -j ACCEPT\n',
    '-A own -6 -j ACCEPT\n',
    '-A own -m multiport --dports 22,80 -j ACCEPT\n',
    '# a "comment\n',
    '\n',
  )
  const dump = fc.array(rule, { maxLength: 12 }).map((rules) => `${head}${rules.join('')}COMMIT\n`)
  const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 10 })
  fc.assert(
    fc.property(dump, cuts, (text, cuts) => {
      const reader = saveReader({ family: 'ipv4', file: 'x' })
      const places = [...cuts, text.length].sort((a, b) => a - b)
      let at = 0
      for (const place of places) {
        reader.write(text.slice(at, place))
        at = Math.max(at, place)
      }
      expect(JSON.stringify(reader.end(), spelled)).toBe(
        JSON.stringify(parseSave(text, { family: 'ipv4', file: 'x' }), spelled),
      )
    }),
    { numRuns: 500 },
  )
})

function spelled(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}` : value
}
