import type { MatchExtension } from '../extension.ts'
import { text } from '../values/text.ts'

/** libxt_comment: 256 bytes with the final NUL; what is longer is cut without a word. */
export const comment: MatchExtension = {
  kind: 'match',
  name: 'comment',
  summary: 'Carries a comment; matches everything.',
  effect: 'comment',
  options: {
    comment: {
      value: text({
        what: 'comment',
        max: 255,
        overlong: 'cut',
        examples: ['ssh from the office'],
      }),
      description: 'The text, up to 255 bytes.',
      required: true,
    },
  },
}
