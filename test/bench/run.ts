/** `npm run bench -- NAME [options]`: one benchmark by name. */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { benchTrainer } from './trainer.ts'

export type BenchOptions = {
  /** a Python that has torch, transformers and PEFT */
  readonly peer?: string
  readonly say: (line: string) => void
}
export type BenchResult = Readonly<Record<string, number | string>>

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<BenchResult>>> = {
  trainer: benchTrainer,
}

// read by ONNX Runtime in the processes that do the work
process.env['ORT_DISABLE_TELEMETRY'] = '1'

const HELP = `usage: npm run bench -- NAME [--json FILE] [--peer PYTHON]

  NAME           ${Object.keys(BENCHES).join(', ')}
  --json FILE    also write the figures as JSON
  --peer PYTHON  do the same work with torch and PEFT of this Python, and give ratios
`

const { values, positionals } = parseArgs({
  options: { json: { type: 'string' }, peer: { type: 'string' }, help: { type: 'boolean' } },
  allowPositionals: true,
})
const bench = BENCHES[positionals[0] ?? '']
if (values.help || !bench || positionals.length !== 1) {
  process.stdout.write(HELP)
  process.exitCode = values.help ? 0 : 64
} else {
  const result = await bench({
    ...(values.peer ? { peer: values.peer } : {}),
    say: line => process.stdout.write(`${line}\n`),
  })
  if (values.json) await writeFile(values.json, `${JSON.stringify(result, undefined, 2)}\n`)
}
