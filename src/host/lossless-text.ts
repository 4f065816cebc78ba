import { isUtf8 } from 'node:buffer'

/**
 * Bytes ⇄ text without loss. iptables-save prints comments and interface names as the bytes the
 * kernel holds, and those need not be UTF-8. Valid UTF-8 becomes the text it is, so that it compares
 * equal to what a policy says and displays well; a byte that is not part of any valid sequence
 * becomes a lone surrogate U+DC80..U+DCFF (Python's "surrogateescape"), which no valid UTF-8 yields,
 * and turns back into that byte when encoded. So `encodeText(decodeText(bytes))` is `bytes`.
 */
export function decodeText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (isUtf8(buffer)) return buffer.toString('utf8')
  let text = ''
  let at = 0
  while (at < buffer.length) {
    const valid = validPrefix(buffer, at)
    text += buffer.toString('utf8', at, valid)
    at = valid
    if (at < buffer.length) text += String.fromCharCode(0xdc00 + (buffer[at++] ?? 0))
  }
  return text
}

/** The bytes that `decodeText` made this text from. */
export function encodeText(text: string): Buffer {
  if (!LONE_BYTE.test(text)) return Buffer.from(text, 'utf8')
  const parts = text
    .split(LONE_BYTE_SPLIT)
    .map((part) =>
      part.length === 1 && LONE_BYTE.test(part)
        ? Buffer.of(part.charCodeAt(0) - 0xdc00)
        : Buffer.from(part, 'utf8'),
    )
  return Buffer.concat(parts)
}

// With the `u` flag a surrogate in a pattern only matches a lone one, never half of a pair.
const LONE_BYTE = /[\udc80-\udcff]/u
const LONE_BYTE_SPLIT = /([\udc80-\udcff])/u

/** The end of the longest run of whole UTF-8 sequences that starts at `from`. */
function validPrefix(buffer: Buffer, from: number): number {
  let at = from
  while (at < buffer.length) {
    const length = sequenceLength(buffer[at] ?? 0)
    if (length === 0 || at + length > buffer.length) return at
    if (length > 1 && !isUtf8(buffer.subarray(at, at + length))) return at
    at += length
  }
  return at
}

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1
  if (lead >= 0xc2 && lead <= 0xdf) return 2
  if (lead >= 0xe0 && lead <= 0xef) return 3
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0
}
