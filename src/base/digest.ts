import { createHash } from 'node:crypto'

/** SHA-256 of a text as `sha256:<hex>`. */
export function digest(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}
