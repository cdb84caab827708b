/** The model's tokenizer and chat template as the data pipeline wants them. */
import { openChatTemplate, renderConversation } from '../model/chat-template.ts'
import type { ModelConfig } from '../model/config.ts'
import { loadTokenizer } from '../model/tokenizer.ts'
import type { Renderer } from './document.ts'

/** @param chatTemplate Jinja source in place of the model's own */
export const openRenderer = async (
  modelFolder: string,
  { bosTokenId }: ModelConfig,
  chatTemplate?: string,
): Promise<Renderer> => {
  const tokenizer = await loadTokenizer(modelFolder)
  const template = openChatTemplate(tokenizer, chatTemplate || undefined)
  return {
    render: (messages, options) => renderConversation(tokenizer, template, messages, options),
    decode: tokens => tokenizer.decode(Array.from(tokens)),
    ...(bosTokenId === undefined ? {} : { bosTokenId }),
  }
}
