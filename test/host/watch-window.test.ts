import { expect, test } from 'vitest'
import { isInWindow, parseWindow } from '../../src/host/watch-window.ts'

const at = (time: string): Date => new Date(`2026-11-${time}`)
const isIn = (window: string, time: string): boolean =>
  isInWindow(parseWindow(window, '--window'), at(time))

// 23 November 2026 is a Monday.
test.each([
  ['Mon-Fri 08:00-18:00', '23T07:59:59', false],
  ['Mon-Fri 08:00-18:00', '23T08:00:00', true],
  ['Mon-Fri 08:00-18:00', '27T17:59:59', true],
  ['Mon-Fri 08:00-18:00', '27T18:00:00', false],
  ['Mon-Fri 08:00-18:00', '28T12:00:00', false],
  ['Fri-Mon 08:00-18:00', '29T12:00:00', true],
  ['Fri-Mon 08:00-18:00', '24T12:00:00', false],
  ['sat,wed 22:00-06:00', '28T23:00:00', true],
  ['sat,wed 22:00-06:00', '29T05:59:00', true],
  ['sat,wed 22:00-06:00', '29T06:00:00', false],
  ['sat,wed 22:00-06:00', '28T05:00:00', false],
  ['02:00-04:00', '25T03:00:00', true],
  ['02:00-04:00', '25T04:00:00', false],
  ['Mon 00:00-24:00', '23T23:59:00', true],
  ['Mon 00:00-24:00', '24T00:00:00', false],
  ['Mon 00:00-00:00', '23T23:59:00', true],
])('%s, at %s: %j', (window, time, expected) => {
  expect(isIn(window, time)).toBe(expected)
})

test.each([
  '',
  'Mon-Fri',
  '8-18',
  'Mon-Fri 8am-6pm',
  'Mo-Fr 08:00-18:00',
  'Mon-Wed-Fri 08:00-18:00',
  'Mon 08:60-18:00',
  'Mon 25:00-26:00',
  'Mon 24:00-25:00',
  'Mon, 08:00-18:00',
])('"%s" is no window, and the message shows one', (text) => {
  expect(() => parseWindow(text, '--window')).toThrow(/--window .*Mon-Fri 08:00-18:00/)
})
