/** `npm run bench -- NAME [options]`: one benchmark by name. */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { benchDecode } from './decode.ts'
import { benchSft } from './gsm8k/against-trl.ts'
import { benchGsm8k } from './gsm8k/gsm8k.ts'
import { benchMemory } from './memory.ts'
import { benchScaling } from './scaling.ts'
import { benchStart } from './start.ts'
import { benchTrainer } from './trainer.ts'

export type BenchOptions = {
  /** a Python that has torch, transformers and PEFT */
  readonly peer?: string
  /** fewer and smaller pieces of work: shows that a benchmark runs, not how fast */
  readonly quick: boolean
  /** folder of a data set */
  readonly data?: string
  /** folder in which a long benchmark keeps what is done, and goes on from there */
  readonly work?: string
  /** where a benchmark that draws puts its picture */
  readonly plot?: string
  readonly say: (line: string) => void
}
export type BenchResult = Readonly<Record<string, number | string>>

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<BenchResult>>> = {
  trainer: benchTrainer,
  decode: benchDecode,
  memory: benchMemory,
  scaling: benchScaling,
  start: benchStart,
  gsm8k: benchGsm8k,
  sft: benchSft,
}

// read by ONNX Runtime in the processes that do the work
process.env['ORT_DISABLE_TELEMETRY'] = '1'

const HELP = `usage: npm run bench -- NAME [--json FILE] [--peer PYTHON] [--plot FILE]
                             [--data FOLDER] [--work FOLDER] [--quick]

  NAME           ${Object.keys(BENCHES).join(', ')}
  --json FILE    also write the figures as JSON
  --peer PYTHON  do the same work with torch and PEFT of this Python, and give ratios (trainer, decode, sft)
  --plot FILE    draw the curves as SVG (scaling)
  --data FOLDER  train.jsonl and test.jsonl of GSM8K (gsm8k, sft)
  --work FOLDER  where a long benchmark keeps what is done, and goes on from there (gsm8k; .attune/gsm8k if absent)
  --quick        less of everything, to see that it runs (all but trainer)
`

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'string' },
    peer: { type: 'string' },
    plot: { type: 'string' },
    data: { type: 'string' },
    work: { type: 'string' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean' },
  },
  allowPositionals: true,
})
const bench = BENCHES[positionals[0] ?? '']
if (values.help || !bench || positionals.length !== 1) {
  process.stdout.write(HELP)
  process.exitCode = values.help ? 0 : 64
} else {
  const result = await bench({
    ...(values.peer ? { peer: values.peer } : {}),
    ...(values.plot ? { plot: values.plot } : {}),
    ...(values.data ? { data: values.data } : {}),
    ...(values.work ? { work: values.work } : {}),
    quick: values.quick,
    say: line => process.stdout.write(`${line}\n`),
  })
  if (values.json) await writeFile(values.json, `${JSON.stringify(result, undefined, 2)}\n`)
}
