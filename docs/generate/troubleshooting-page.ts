/** `docs/troubleshooting.md`, from the reasons and the advice about them. */
import {
  CHAPTERS,
  type Chapter,
  type KindTroubles,
  OTHER_KINDS,
  SENTENCES,
} from '../../crds/advice.ts'
import type { Advice } from '../../crds/advice/advice.ts'

export const TROUBLESHOOTING_PAGE = 'docs/troubleshooting.md'

const section = (
  title: string,
  sentence: string | undefined,
  { seenAs, operator, you }: Advice,
): string =>
  [
    `### ${title}`,
    sentence,
    ...(seenAs ? [`Also seen as: ${seenAs.map(word => `\`${word}\``).join(', ')}.`] : []),
    `**The operator:** ${operator}`,
    `**You:** ${you}`,
  ].join('\n\n')

const chapter = ({ title, text, reasons }: Chapter): string => {
  const known = Object.entries(reasons).filter(([reason]) => reason in SENTENCES)
  if (known.length === 0) return ''
  const sections = known.map(([reason, advice]) => section(reason, SENTENCES[reason], advice))
  return [`## ${title}`, text, ...sections].join('\n\n')
}

const ofKind = ({ kind, title, text, reasons, sentences }: KindTroubles): string =>
  [
    `## ${title}`,
    text,
    ...Object.entries(reasons).map(([reason, advice]) =>
      // a job may have a reason of the same name
      section(`${reason} (${kind})`, sentences[reason], advice),
    ),
  ].join('\n\n')

export const troubleshootingPage = (): string =>
  `${[
    '<!-- Written by `npm run generate` from the reasons in crds/. Do not edit. -->',
    '# Troubleshooting',
    'A job says why it waits or failed, under one of the reasons below. An InstructionDataset has the same ones; those of experiments, of the catalogue and of policies follow at the end.',
    `\`\`\`sh
kubectl get itj -o wide      # with the message of what it does, or why it failed
kubectl describe itj NAME    # conditions, Events, what each stage said
kubectl logs -l attune.dev/job=NAME,attune.dev/stage=train --tail=-1
\`\`\``,
    '[runs.md](runs.md) tells how runs, stages and retries work, the [field reference](instruction-tuning-job.md) what each field means.',
    ...CHAPTERS.map(chapter).filter(Boolean),
    ...OTHER_KINDS.map(ofKind),
  ].join('\n\n')}\n`
