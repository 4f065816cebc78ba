import { expect, test } from 'vitest'
import { BUILTIN_NAMES as names } from '../../src/extensions/builtin-names.ts'
import { compareWithKernel } from '../generate/kernel-differences.ts'
import { KERNELS, scratchNamespace } from './namespace.ts'

/** A bounded share of `npm run fuzz:kernel`. */
const RULES = 800

test.each(KERNELS)(
  '%s %s: the kernel saves random rules of the whole catalogue as fwctl says',
  async (backend, family) => {
    await using scratch = await scratchNamespace()
    const { differences } = await compareWithKernel({
      scratch,
      dialect: { family, backend, version: [1, 8, 9] },
      names,
      rules: RULES,
      seed: 20261122,
    })
    expect(differences).toEqual([])
  },
)
