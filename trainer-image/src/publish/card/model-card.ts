/** README.md of a published folder: a model card with the metadata that the Hugging Face hub reads. */
import { parseHubUri } from '@attune/crds/hub-uri.ts'
import type { OutputFormat } from '@attune/crds/spec/output.ts'
import { baseOnHub, type CardFacts } from './card-facts.ts'
import { code, frontMatter, plain } from './markdown.ts'
import {
  dataSection,
  evaluationSection,
  limitsSection,
  provenanceSection,
  settingsSection,
} from './sections.ts'
import { usageOf } from './usage.ts'

export const CARD_FILE = 'README.md'

type Kind = {
  readonly library?: string
  readonly relation: 'adapter' | 'finetune' | 'quantized'
  readonly tags: readonly string[]
  readonly words: string
}
const KINDS: Readonly<Record<OutputFormat, Kind>> = {
  Adapter: { library: 'peft', relation: 'adapter', tags: ['lora'], words: 'A LoRA adapter for' },
  Merged: { library: 'transformers', relation: 'finetune', tags: [], words: 'A tuned copy of' },
  ONNX: { relation: 'finetune', tags: ['onnx'], words: 'A decoder for ONNX Runtime, tuned from' },
  GGUF: { relation: 'finetune', tags: ['gguf'], words: 'A model for llama.cpp, tuned from' },
}

const header = (facts: CardFacts): string => {
  const { library, relation, tags } = KINDS[facts.format]
  const datasets = facts.provenance.data.flatMap(({ uri }) => {
    const hub = parseHubUri(uri)
    return hub?.type === 'dataset' ? [hub.name] : []
  })
  const base = baseOnHub(facts)
  return frontMatter({
    base_model: base,
    base_model_relation: base === undefined ? undefined : relation,
    library_name: library,
    pipeline_tag: 'text-generation',
    license: facts.license,
    language: facts.languages?.length ? facts.languages : undefined,
    datasets: datasets.length > 0 ? [...new Set(datasets)] : undefined,
    tags: ['attune', 'instruction-tuning', ...tags],
  })
}

export const modelCard = (facts: CardFacts): string => {
  const { job, baseModel } = facts.provenance
  const base = baseOnHub(facts)
  return `${[
    header(facts),
    `# ${plain(job.name)}, run ${job.run}`,
    `${KINDS[facts.format].words} ${code(base ?? baseModel.uri)}.`,
    evaluationSection(facts),
    `## Use\n\n${usageOf(facts)}`,
    dataSection(facts),
    settingsSection(facts),
    limitsSection(facts),
    provenanceSection(facts),
  ].join('\n\n')}\n`
}
