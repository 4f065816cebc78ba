/**
 * One compiled policy as the bytes of a file: what was asked and answered, what came out, and the
 * texts that were read, by which it is recognised.
 */
import { checksum } from '../base/checksum.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Names } from '../extensions/names.ts'
import { type Asked, type AskedOfFiles, filesSayTheSame, namesSayTheSame } from '../policy/asked.ts'
import type { CompiledPolicy, CompileOptions } from '../policy/compile.ts'
import { type CompiledText, compiledText, readCompiledText } from '../policy/compiled-text.ts'
import type { DirectoryEntry, PolicyFiles, ReadResult } from '../policy/files.ts'
import type { Policy } from '../policy/policy.ts'

/** What planning and validating need to know of a policy beside its rules. */
export type PolicyFacts = Pick<Policy, 'file' | 'families' | 'ownership'>

/** A policy that was read, and what one compilation made of it. */
export interface PolicyEntry {
  readonly policy: PolicyFacts
  /** Of reading it. */
  readonly diagnostics: readonly Diagnostic[]
  readonly digest: string
  readonly options: Required<CompileOptions>
  readonly compiled: CompiledPolicy
}

interface Head extends Pick<PolicyEntry, 'policy' | 'diagnostics' | 'digest'> {
  readonly key: string
  readonly dialects: CompileOptions['dialects']
  /** When it was compiled, in milliseconds since 1970. */
  readonly now: number
  readonly reads: readonly (readonly [string, number | Exclude<ReadResult, { text: string }>])[]
  readonly realPaths: readonly (readonly [string, string | null])[]
  readonly lists: readonly (readonly [string, readonly DirectoryEntry[]])[]
  readonly names: readonly (readonly [string, string | number | null])[]
  readonly compiled: CompiledText['head']
}

interface Frame {
  readonly checksum: string
  /** Of the head, the rules, the origins, and the texts that were read; in bytes. */
  readonly sizes: readonly number[]
}

/** Undefined for a policy that can not be kept. `key`: all that it depends on and that is no answer. */
export function entryBytes(
  key: string,
  entry: PolicyEntry,
  asked: Asked,
): readonly Uint8Array[] | undefined {
  const text = compiledText(entry.compiled)
  if (text === undefined) return undefined
  const texts: Uint8Array[] = []
  const { policy, diagnostics, digest, options } = entry
  const head: Head = {
    key,
    dialects: options.dialects,
    now: options.now.getTime(),
    reads: [...asked.reads].map(([path, read]) =>
      'text' in read ? [path, texts.push(Buffer.from(read.text)) - 1] : [path, read],
    ),
    realPaths: [...asked.realPaths].map(([path, real]) => [path, real ?? null]),
    lists: [...asked.lists],
    names: [...asked.names].map(([question, told]) => [question, told ?? null]),
    policy,
    diagnostics,
    digest,
    compiled: text.head,
  }
  const parts = [JSON.stringify(head), text.rules, text.origins].map((part) => Buffer.from(part))
  const body = [...parts, ...texts]
  const frame: Frame = { checksum: checksum(...body), sizes: body.map((part) => part.length) }
  return [Buffer.from(`${JSON.stringify(frame)}\n`), ...body]
}

/** An entry that was found, and that holds for the files as they are. */
export interface FoundEntry extends Omit<PolicyEntry, 'options' | 'compiled'> {
  /** Undefined where it was compiled for something else, or names or the time say otherwise by now. */
  readonly compiledFor: (options: Required<CompileOptions>) => CompiledPolicy | undefined
}

/** Undefined when the bytes are damaged, of another key, or of other files than there are now. */
export function readEntry(bytes: Buffer, key: string, files: PolicyFiles): FoundEntry | undefined {
  const [headBytes, rules, origins, ...texts] = partsOf(bytes) ?? []
  if (headBytes === undefined || rules === undefined || origins === undefined) return undefined
  const head = JSON.parse(headBytes.toString()) as Head
  if (head.key !== key || !filesSayTheSame(askedOfFiles(head, texts), files)) return undefined
  const { policy, diagnostics, digest } = head
  return {
    policy,
    diagnostics,
    digest,
    compiledFor: (options) => {
      if (!isCompiledFor(head, options)) return undefined
      return readCompiledText(
        { head: head.compiled, rules: rules.toString(), origins: () => origins.toString() },
        options,
      )
    },
  }
}

function partsOf(bytes: Buffer): readonly Buffer[] | undefined {
  const end = bytes.indexOf('\n')
  if (end < 0) return undefined
  let frame: Frame
  try {
    frame = JSON.parse(bytes.toString('latin1', 0, end)) as Frame
  } catch {
    return undefined
  }
  const body = bytes.subarray(end + 1)
  if (checksum(body) !== frame.checksum) return undefined
  let at = 0
  return frame.sizes.map((size) => {
    at += size
    return body.subarray(at - size, at)
  })
}

function askedOfFiles(head: Head, texts: readonly Buffer[]): AskedOfFiles {
  return {
    reads: new Map(
      head.reads.map(([path, then]) => [
        path,
        (now) =>
          typeof then === 'number'
            ? 'text' in now && texts[then]?.equals(Buffer.from(now.text)) === true
            : JSON.stringify(now) === JSON.stringify(then),
      ]),
    ),
    realPaths: new Map(head.realPaths.map(([path, real]) => [path, real ?? undefined])),
    lists: new Map(head.lists),
  }
}

function isCompiledFor(head: Head, options: Required<CompileOptions>): boolean {
  const { dialects, now } = options
  const names: Pick<Asked, 'names'> = {
    names: new Map(head.names.map(([question, told]) => [question, told ?? undefined])),
  }
  const { sameUntil } = head.compiled
  return (
    JSON.stringify(head.dialects) === JSON.stringify(dialects) &&
    (sameUntil === undefined || (head.now <= now.getTime() && now.getTime() <= sameUntil)) &&
    namesSayTheSame(names, options.names as Names)
  )
}
