/** Completion scripts, generated from the command table. */
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { GLOBAL_OPTIONS, longFlag, type OptionSpec, SHARED_OPTIONS } from './option-table.ts'
import type { VerbSpec } from './verb.ts'

export async function completion({ args, print, verbs }: Context): Promise<ExitCode> {
  print(SCRIPTS[args[0] ?? '']?.(verbs) ?? '')
  return EXIT.done
}

const SCRIPTS: Readonly<Record<string, (verbs: readonly VerbSpec[]) => string>> = {
  bash,
  zsh,
  fish,
}

/** Everything that the verb takes. */
function optionsOf({ options, shared, formats }: VerbSpec): readonly OptionSpec[] {
  return [
    ...options,
    ...shared.map((key) => SHARED_OPTIONS[key]),
    ...(formats === undefined ? [] : [{ ...SHARED_OPTIONS.format, choices: formats }]),
    ...GLOBAL_OPTIONS,
  ]
}

function takesValue({ flags }: OptionSpec): boolean {
  return flags.includes('<')
}

/** What can stand for arguments: words, or files. */
function argumentsOf(verb: VerbSpec): {
  readonly words: readonly string[]
  readonly files: boolean
} {
  return {
    words: verb.arguments.flatMap((argument) => argument.choices ?? []),
    files: verb.arguments.some((argument) => argument.completes === 'file'),
  }
}

const NETNS_LIST = "ip netns list 2>/dev/null | cut -d' ' -f1"

function bash(verbs: readonly VerbSpec[]): string {
  const values = (verb: VerbSpec): string[] =>
    optionsOf(verb)
      .filter(takesValue)
      .map((option) => `    ${verb.name}:${longFlag(option)}) ${bashValue(option)}; return ;;`)
  const cases = verbs.map((verb) => {
    const { words, files } = argumentsOf(verb)
    const flags = optionsOf(verb).map(longFlag)
    const offer = `COMPREPLY=($(compgen -W "${[...words, ...flags].join(' ')}" -- "$cur"))`
    const also = files ? '; [[ $cur == -* ]] || COMPREPLY+=($(compgen -f -- "$cur"))' : ''
    return `    ${verb.name}) ${offer}${also} ;;`
  })
  const names = [...verbs.map((verb) => verb.name), '--help', '--version']
  return `# bash completion for fwctl: eval "$(fwctl completion bash)"
_fwctl() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} verb= word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in ${verbs.map((verb) => verb.name).join('|')}) verb=$word; break ;; esac
  done
  case $verb:$prev in
${verbs.flatMap(values).join('\n')}
  esac
  case $verb in
${cases.join('\n')}
    *) COMPREPLY=($(compgen -W "${names.join(' ')}" -- "$cur")) ;;
  esac
}
complete -o filenames -F _fwctl fwctl
`
}

function bashValue({ choices, completes }: OptionSpec): string {
  const offer = (how: string): string => `COMPREPLY=($(compgen ${how} -- "$cur"))`
  if (choices !== undefined) return offer(`-W "${choices.join(' ')}"`)
  if (completes === 'netns') return offer(`-W "$(${NETNS_LIST})"`)
  return completes === undefined ? ':' : offer(completes === 'directory' ? '-d' : '-f')
}

function zsh(verbs: readonly VerbSpec[]): string {
  const cases = verbs.map((verb) => {
    const { words, files } = argumentsOf(verb)
    const specs = optionsOf(verb).map((option) => `'${zshOption(option)}'`)
    const positional = [
      ...(words.length > 0 ? [`'1:what:(${words.join(' ')})'`] : []),
      ...(files ? [`'*:file:_files'`] : []),
    ]
    return `    ${verb.name}) _arguments ${[...specs, ...positional].join(' ')} ;;`
  })
  return `#compdef fwctl
# zsh completion for fwctl: put it into a file named _fwctl in a folder of $fpath
_fwctl() {
  local -a verbs=(
${verbs.map((verb) => `    '${verb.name}:${zshText(verb.summary)}'`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe verb verbs
    return
  fi
  local verb=$words[2]
  shift words
  (( CURRENT-- ))
  case $verb in
${cases.join('\n')}
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _fwctl "$@"; else compdef _fwctl fwctl; fi
`
}

function zshOption(option: OptionSpec): string {
  const { description, choices, completes, repeatable } = option
  const head = `${repeatable ? '*' : ''}${longFlag(option)}[${zshText(description)}]`
  if (!takesValue(option)) return head
  if (choices !== undefined) return `${head}:value:(${choices.join(' ')})`
  if (completes === 'netns') return `${head}:namespace:($(${NETNS_LIST.replaceAll("'", '"')}))`
  return `${head}:value:${completes === undefined ? '' : completes === 'directory' ? '_files -/' : '_files'}`
}

/** Inside '…' and […]. */
function zshText(text: string): string {
  return text.replaceAll("'", '’').replaceAll(/[[\]:\\`$]/g, '\\$&')
}

function fish(verbs: readonly VerbSpec[]): string {
  const lines = [
    '# fish completion for fwctl: fwctl completion fish | source',
    'complete -c fwctl -f',
  ]
  for (const { name, summary } of verbs) {
    lines.push(`complete -c fwctl -n __fish_use_subcommand -a ${name} -d ${fishText(summary)}`)
  }
  for (const verb of verbs) {
    const when = `complete -c fwctl -n '__fish_seen_subcommand_from ${verb.name}'`
    const { words, files } = argumentsOf(verb)
    if (files) lines.push(`${when} -F`)
    if (words.length > 0) lines.push(`${when} -a '${words.join(' ')}'`)
    for (const option of optionsOf(verb)) {
      const flag = `-l ${longFlag(option).slice(2)} -d ${fishText(option.description)}`
      lines.push(`${when} ${flag}${fishValue(option)}`)
    }
  }
  return lines.map((line) => `${line}\n`).join('')
}

function fishValue(option: OptionSpec): string {
  if (!takesValue(option)) return ''
  if (option.choices !== undefined) return ` -x -a '${option.choices.join(' ')}'`
  if (option.completes === 'netns') return ` -x -a '(${NETNS_LIST.replaceAll("'", '"')})'`
  return option.completes === undefined ? ' -x' : ' -r -F'
}

function fishText(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`
}
