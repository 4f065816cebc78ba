import type { ValueType } from '../extension.ts'
import { choice } from './choice.ts'
import { integer } from './number.ts'

const CLASSES: Readonly<Record<string, number>> = {
  CS0: 0x00,
  CS1: 0x08,
  CS2: 0x10,
  CS3: 0x18,
  CS4: 0x20,
  CS5: 0x28,
  CS6: 0x30,
  CS7: 0x38,
  BE: 0x00,
  AF11: 0x0a,
  AF12: 0x0c,
  AF13: 0x0e,
  AF21: 0x12,
  AF22: 0x14,
  AF23: 0x16,
  AF31: 0x1a,
  AF32: 0x1c,
  AF33: 0x1e,
  AF41: 0x22,
  AF42: 0x24,
  AF43: 0x26,
  EF: 0x2e,
}

function print(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`
}

/** A DSCP as a number, saved as two hexadecimal digits. */
export const dscpNumber: ValueType = integer({ max: 63, what: 'DSCP', print })

/** The name of a DiffServ class. */
export const dscpClass: ValueType = choice({
  what: 'DiffServ class',
  values: Object.fromEntries(Object.keys(CLASSES).map((name) => [name, name])),
})

/** The number of a class, as a save has it. */
export function classNumber([name = '']: readonly string[]): readonly string[] {
  return [print(CLASSES[name] ?? 0)]
}
