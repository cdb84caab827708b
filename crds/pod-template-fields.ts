/** What a job may set of its pods, in the order in which documents list it. */
export const POD_TEMPLATE_FIELDS = [
  'labels',
  'annotations',
  'nodeSelector',
  'tolerations',
  'imagePullSecrets',
  'runtimeClassName',
  'priorityClassName',
] as const
export type PodTemplateField = (typeof POD_TEMPLATE_FIELDS)[number]
