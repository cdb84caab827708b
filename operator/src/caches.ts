/** All that the reconciles read, and which object of ours a change of it concerns. */
import type { Config } from './config.ts'
import { createInformers, type InformersOptions } from './informers.ts'
import { wholeCache } from './kube/whole-cache.ts'
import { createPolicyCaches } from './policy/policy-caches.ts'
import { subscriptions } from './subscriptions.ts'

type Options = InformersOptions & {
  readonly config: InformersOptions['config'] & Pick<Config, 'checkPolicies'>
}

export type OperatorCaches = ReturnType<typeof createCaches>

export const createCaches = (options: Options) => {
  const { client, config, log, metrics } = options
  const informers = createInformers(options)
  const policies = config.checkPolicies
    ? createPolicyCaches({
        client,
        log,
        watching: kind => ({ observe: metrics.watching(kind.plural) }),
        discoveryMs: config.discoveryMs,
      })
    : undefined
  return {
    ...informers,
    policies: policies ?? { of: () => [] },
    /** absent where the operator does not look at TuningPolicies */
    tuningPolicies: policies,
    ...wholeCache([...Object.values(informers), ...(policies?.informers ?? [])]),
    ...subscriptions(informers, policies),
  }
}
