import { expect, test } from 'vitest'
import { BUILTIN_NAMES as names } from '../../src/extensions/builtin-names.ts'
import { EXTENSIONS } from '../../src/extensions/catalogue.ts'
import type { ValueContext } from '../../src/extensions/extension.ts'
import type { Backend, Family } from '../../src/ruleset/model.ts'
import { seededRandom } from '../generate/rule.ts'

const WORDS = [
  ...['', '0', '00', '1', '22', '022', '0x16', '65535', '65536', '99999', '123456', '-1', '+1'],
  ...['1:2', '2:1', '1:1', '0:65535', ':5', '5:', '1:65536', '01:2', '1-2', '1,2', '1,2:3', ',1'],
  ...['a', 'ssh', 'a b', 'a"b', 'a\\b', "it's", 'ä'.repeat(100), 'x'.repeat(29), 'x'.repeat(400)],
  Array.from({ length: 16 }, (_, i) => i + 1).join(','),
]

const CONTEXTS: readonly ValueContext[] = (['ipv4', 'ipv6'] as Family[]).flatMap((family) =>
  (['nft', 'legacy'] as Backend[]).flatMap((backend) =>
    (
      [
        [1, 8, 4],
        [1, 8, 7],
        [1, 8, 11],
      ] as const
    ).flatMap((version) =>
      [undefined, '6', '17', '1'].map((protocol) => ({
        family,
        dialect: { family, backend, version },
        names,
        protocol,
        caution: ({ message }) => {
          throw new Error(message)
        },
      })),
    ),
  ),
)

const OPTIONS = EXTENSIONS.flatMap((entry) =>
  Object.entries(entry.options).flatMap(([name, spec]) =>
    spec.value.isNormal === undefined ? [] : [{ of: `${entry.name} --${name}`, name, spec }],
  ),
)

test('the options that a dump repeats most have a quick test of their words', () => {
  const all = OPTIONS.map(({ of }) => of)
  expect(all).toEqual(
    expect.arrayContaining([
      'tcp --dport',
      'udp --dport',
      'multiport --dports',
      'comment --comment',
    ]),
  )
})

test.each(OPTIONS)(
  '$of: a word that is called normal is read as itself by every dialect',
  ({ name, spec }) => {
    const { value, fold } = spec
    const random = seededRandom(5)
    const samples = CONTEXTS.flatMap((context) =>
      Array.from({ length: 20 }, () => value.sample(random, context)[0] as string),
    )
    const normal = [...WORDS, ...samples].filter((word) => value.isNormal?.(word))
    expect(normal.length).toBeGreaterThan(0)
    for (const word of normal) {
      for (const context of CONTEXTS) expect(value.parse([word], context)).toEqual([word])
      const option = { name, negated: false, values: [word] }
      expect(fold?.(option) ?? option).toEqual(option)
    }
  },
)
