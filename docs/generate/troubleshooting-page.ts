/** `docs/troubleshooting.md`, from the reasons and the advice about them. */
import { CHAPTERS, type Chapter } from '../../crds/advice.ts'
import type { Advice } from '../../crds/advice/advice.ts'
import { REASONS } from '../../crds/conditions.ts'

export const TROUBLESHOOTING_PAGE = 'docs/troubleshooting.md'

const SENTENCES: Readonly<Record<string, string>> = REASONS

const section = (reason: string, { seenAs, operator, you }: Advice): string =>
  [
    `### ${reason}`,
    SENTENCES[reason],
    ...(seenAs ? [`Also seen as: ${seenAs.map(word => `\`${word}\``).join(', ')}.`] : []),
    `**The operator:** ${operator}`,
    `**You:** ${you}`,
  ].join('\n\n')

const chapter = ({ title, text, reasons }: Chapter): string => {
  const known = Object.entries(reasons).filter(([reason]) => reason in SENTENCES)
  if (known.length === 0) return ''
  const sections = known.map(([reason, advice]) => section(reason, advice))
  return [`## ${title}`, text, ...sections].join('\n\n')
}

export const troubleshootingPage = (): string =>
  `${[
    '<!-- Written by `npm run generate` from the reasons in crds/. Do not edit. -->',
    '# Troubleshooting',
    'A job says why it waits or failed, under one of the reasons below:',
    `\`\`\`sh
kubectl get itj -o wide      # with the message of what it does, or why it failed
kubectl describe itj NAME    # conditions, Events, what each stage said
kubectl logs -l attune.dev/job=NAME,attune.dev/stage=train --tail=-1
\`\`\``,
    '[runs.md](runs.md) tells how runs, stages and retries work, the [field reference](instruction-tuning-job.md) what each field means.',
    ...CHAPTERS.map(chapter).filter(Boolean),
  ].join('\n\n')}\n`
