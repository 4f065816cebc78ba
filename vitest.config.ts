import { resolve } from 'node:path'
import type { ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = {
  test: {
    reporters: ['default', './scripts/summary-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**'],
          testTimeout: 120_000,
        },
      },
      {
        // Real kernels: after the unit tests, three files at a time, since many of them wait for a clock, and never retried, because a
        // firewall test that passes the second time has found something.
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 3,
          // What built bins keep for their next run, away from the machine's own /var/cache.
          env: { XDG_CACHE_HOME: resolve('node_modules/.cache/fwctl-e2e') },
          retry: 0,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
}

export default config
