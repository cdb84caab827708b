/** The API's group and version. */
export const GROUP = 'attune.dev'
export const VERSION = 'v1alpha1'
export const API_VERSION = `${GROUP}/${VERSION}`
