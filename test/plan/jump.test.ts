import { expect, test } from 'vitest'
import { jumpOf } from '../../src/plan/jump.ts'
import type { Rule } from '../../src/ruleset/model.ts'

function jump(text: string, name?: string): string | undefined {
  const target = name === undefined ? {} : { target: { verb: 'jump', name, options: [] } }
  return jumpOf({ text, key: text, spec: { matches: [], ...target } } as unknown as Rule)
}

test.each([
  ['-j DROP', 'DROP'],
  ['-s 10.0.0.1/32 -j aa', 'aa'],
  ['-s 10.0.0.1/32 -g bb', 'bb'],
  ['-j LOG --log-prefix "-j x " --log-level 4', 'LOG'],
  ['-m comment --comment "a -j b" -j cc', 'cc'],
  ['-s 10.0.0.1/32', undefined],
  ['-m comment --comment "-g b"', undefined],
])('where a rule goes on is told from its text: %s', (text, expected) => {
  expect(jump(text, 'what reading it would say')).toBe(expected)
})

test.each([
  '-m comment --comment -j -g bb',
  '-m comment --comment -g -j bb',
  '-j LOG --log-prefix -j --log-level 4',
  '-m comment --comment "a\\" -j x" -j bb',
  '-m comment --comment -j -m comment --comment "x" -j bb',
])('unless more than one word may be the verb: then it is read: %s', (text) => {
  expect(jump(text, 'read')).toBe('read')
})
