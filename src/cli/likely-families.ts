import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { FAMILIES, type Family } from '../ruleset/model.ts'

/**
 * The families that a policy is about, as far as its first lines say so: only they are read before the
 * policy is, since a program that nobody needs costs a tenth of a plan. Should it turn out to be about both,
 * the other one is read then.
 *
 * @param paths The first of them that can be read is the policy.
 */
export function likelyFamilies(paths: readonly string[]): readonly Family[] {
  let beginning = ''
  for (const path of paths) beginning ||= beginningOf(path)
  const [, flow, block] = ONLY_ONE.exec(beginning) ?? []
  const only = flow ?? block
  return FAMILIES.filter((family) => only === undefined || family === only)
}

/** As YAML in either style, or as JSON. */
const ONLY_ONE = /^\s*"?families"?\s*:\s*(?:\[\s*"?(ipv[46])"?\s*\]|\n\s*- *(ipv[46]) *$(?!\s*-))/m

const FIRST_BYTES = 4096

/**
 * Empty for what can not be read; whoever reads it in earnest says so. What comes through a pipe can be read once
 * only, and is left alone.
 */
function beginningOf(path: string): string {
  let file: number | undefined
  try {
    if (!statSync(path).isFile()) return ''
    file = openSync(path, 'r')
    const bytes = Buffer.alloc(FIRST_BYTES)
    return bytes.toString('latin1', 0, readSync(file, bytes))
  } catch {
    return ''
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
