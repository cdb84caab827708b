/** What an operator leaves undone for want of rights in the whole cluster, said once when it starts. */
import type { Config } from './config.ts'

/** What gives the right, by its name in the chart and in the Pulumi component. */
const BY = 'the chart does so by rbac.clusterReads, the Pulumi component by clusterReads'

export const restrictions = ({
  checkPolicies,
  readCatalogue,
}: Pick<Config, 'checkPolicies' | 'readCatalogue'>): readonly string[] => [
  ...(checkPolicies
    ? []
    : [
        `TuningPolicies are not checked by this operator, but by the API server alone, where the admission policy is installed; to have them checked, grant list and watch of tuningpolicies.attune.dev and namespaces in the whole cluster and give --check-policies (${BY})`,
      ]),
  ...(readCatalogue
    ? []
    : [
        `BaseModels are not read: jobs with spec.model.ref or spec.model.selector wait with the reason CatalogueNotRead; to have them read, grant list and watch of basemodels.attune.dev in the whole cluster and give --read-catalogue (${BY})`,
      ]),
]
