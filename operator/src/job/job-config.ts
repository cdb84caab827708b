/** What the job's reconcile needs to know of the operator's configuration. */
export type JobConfig = {
  readonly trainerImage: string
  readonly trainerImagePullPolicy: 'Always' | 'IfNotPresent' | 'Never'
  /** of /metrics and /progress in a trainer pod */
  readonly trainerPort: number
  /** where `hf://` sources come from; absent: as the trainer has it */
  readonly hubEndpoint?: string
  /** through which sources are fetched, and the hub is asked */
  readonly proxy?: { readonly url: string; readonly noProxy?: string }
  /** namespaces whose pods may read metrics and progress; absent: no NetworkPolicy is made */
  readonly networkPolicyFrom?: readonly string[]
}
