import { crc32 } from 'node:zlib'

/** From here on it is faster to load zlib (2 ms) than to count in JavaScript, which starts cold. */
const LARGE_BYTES = 128 * 1024

/**
 * A few characters by which bytes that were damaged, or are others, are told apart, without the 4 ms
 * that Node takes to load its digests. It is no proof against people: whoever can write the bytes can
 * write their checksum.
 */
export function checksum(bytes: Uint8Array): string {
  const sum = bytes.length < LARGE_BYTES ? fnv1a(bytes) : crc32(bytes)
  return `${bytes.length.toString(16)}-${(sum >>> 0).toString(16).padStart(8, '0')}`
}

function fnv1a(bytes: Uint8Array): number {
  let sum = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) sum = Math.imul(sum ^ (bytes[i] as number), 0x01000193)
  return sum
}
