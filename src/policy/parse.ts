import { type LoadedPolicy, loadPolicy } from './load.ts'

/**
 * Reads a policy from a text, YAML or JSON. Includes are not there to be read; `loadPolicy` reads
 * from files. `file` is what diagnostics call it.
 */
export function parsePolicy(
  text: string,
  options: {
    readonly file?: string
    readonly variables?: Readonly<Record<string, string>>
  } = {},
): LoadedPolicy {
  const { file = 'policy.yaml', variables } = options
  return loadPolicy(file, {
    files: { read: () => ({ text }), realPath: () => undefined, list: () => [] },
    ...(variables === undefined ? {} : { variables }),
  })
}
