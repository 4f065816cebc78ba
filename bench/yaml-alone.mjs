// Parses FILE with the package yaml, and writes the milliseconds that it took to OUT.
//   node bench/yaml-alone.mjs FILE OUT
import { readFileSync, writeFileSync } from 'node:fs'
import { parse } from 'yaml'

const [file, out] = process.argv.slice(2)
const text = readFileSync(file, 'utf8')
const start = performance.now()
parse(text)
writeFileSync(out, `${performance.now() - start}\n`)
