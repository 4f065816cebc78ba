import type { SerializedError } from 'vitest'
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node'

/**
 * Ends the output with one plain line, `N passed, N failed, N skipped`. A test file that could not
 * be loaded and an error outside of any test count as one failure each. With
 * `FWCTL_REQUIRE_KERNEL=1` a skipped end-to-end test is a failure too: it hides an untested kernel.
 */
export default class SummaryReporter implements Reporter {
  private readonly counts = { passed: 0, failed: 0, skipped: 0 }
  private kernelRequired = false

  onInit(vitest: Vitest): void {
    const selectsByName = vitest.config.testNamePattern !== undefined
    this.kernelRequired = process.env.FWCTL_REQUIRE_KERNEL === '1' && !selectsByName
    process.once('exit', () => process.stdout.write(`${this.line()}\n`))
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    Object.assign(this.counts, { passed: 0, failed: errors.length, skipped: 0 })
    for (const module of modules) this.add(module)
  }

  private add(module: TestModule): void {
    const failedBefore = this.counts.failed
    for (const test of module.children.allTests()) this.counts[this.outcome(test)]++
    if (!module.ok() && this.counts.failed === failedBefore) this.counts.failed++
  }

  private outcome(test: TestCase): 'passed' | 'failed' | 'skipped' {
    const { state } = test.result()
    if (state === 'passed') return 'passed'
    if (state !== 'skipped') return 'failed'
    if (!this.kernelRequired || test.project.name !== 'e2e') return 'skipped'
    process.exitCode = 1
    process.stderr.write(`skipped although a kernel is required: ${test.fullName}\n`)
    return 'failed'
  }

  private line(): string {
    const { passed, failed, skipped } = this.counts
    return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
  }
}
