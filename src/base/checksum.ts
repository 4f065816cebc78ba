import { crc32 } from 'node:zlib'

/** From here on it is faster to load zlib (2 ms) than to count in JavaScript, which starts cold. */
const LARGE_BYTES = 128 * 1024

/**
 * A few characters by which bytes that were damaged, or are others, are told apart, without the 4 ms
 * that Node takes to load its digests. It is no proof against people: whoever can write the bytes can
 * write their checksum.
 */
export function checksum(bytes: Uint8Array): string {
  const sum = bytes.length < LARGE_BYTES ? sumOfWords(bytes) : crc32(bytes)
  return `${bytes.length.toString(16)}-${(sum >>> 0).toString(16).padStart(8, '0')}`
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
