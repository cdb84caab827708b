/** Names of accelerators as status and metrics hold them: a tenant writes them, so only so many are told apart. */

/** Distinct names, the one for the rest included. */
export const RESOURCES_MAX = 16
export const OTHER_RESOURCE = 'other'
