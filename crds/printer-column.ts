/** A column of `kubectl get`. */
export type PrinterColumn = {
  readonly name: string
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  readonly jsonPath: string
  readonly description: string
  /** 0 is always shown, 1 with `-o wide` */
  readonly priority: 0 | 1
}

export const column = (
  name: string,
  type: PrinterColumn['type'],
  jsonPath: string,
  description: string,
  priority: PrinterColumn['priority'] = 0,
): PrinterColumn => ({ name, type, jsonPath, description, priority })

export const MESSAGE_COLUMN = column(
  'Message',
  'string',
  '.status.conditions[?(@.type=="Ready")].message',
  'What happens just now, or why it failed.',
  1,
)
