import { crc32 } from 'node:zlib'

/**
 * From here on it is faster to load zlib than to count in JavaScript, which starts cold. Checksums that are
 * on disks hold only as long as this stays as it is.
 */
const LARGE_BYTES = 64 * 1024

/**
 * A few characters by which bytes that were damaged, or are others, are told apart, without the 4 ms
 * that Node takes to load its digests. It is no proof against people: whoever can write the bytes can
 * write their checksum.
 */
export function checksum(...parts: readonly Uint8Array[]): string {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const sum = length < LARGE_BYTES ? sumOfWords(joined(parts)) : crcOf(parts)
  return `${length.toString(16)}-${(sum >>> 0).toString(16).padStart(8, '0')}`
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts)
}

/** Large ones are not joined first: that would take as much memory once more. */
function crcOf(parts: readonly Uint8Array[]): number {
  let sum = 0
  for (const part of parts) sum = crc32(part, sum)
  return sum
}

/** FNV-1a, four bytes at a time. */
function sumOfWords(bytes: Uint8Array): number {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes)
  const words = new Int32Array(aligned.buffer, aligned.byteOffset, bytes.length >> 2)
  let sum = 0x811c9dc5
  for (let i = 0; i < words.length; i++) sum = step(sum, words[i] as number)
  for (let i = bytes.length & ~3; i < bytes.length; i++) sum = step(sum, bytes[i] as number)
  return sum
}

/** The shift brings what only the high bits of a word tell into the low ones. */
function step(sum: number, word: number): number {
  const next = Math.imul(sum ^ word, 0x01000193)
  return next ^ (next >>> 15)
}
