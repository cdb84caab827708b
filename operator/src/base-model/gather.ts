/** Everything a decision about an entry looks at: the cache, and where its time has come the hub. */
import type { ObjectKey } from '../kube/kube-object.ts'
import type { StoreReader } from '../kube/store.ts'
import { hubModelToAsk } from './hub-model.ts'
import type { BaseModel } from './kinds.ts'
import type { Looks } from './looks.ts'
import type { Observed } from './situation.ts'

export type GatherOptions = {
  readonly models: Pick<StoreReader<BaseModel>, 'get'>
  readonly looks: Looks
}

export const gather = async (
  { models, looks }: GatherOptions,
  key: ObjectKey,
): Promise<Observed | undefined> => {
  const model = models.get(key)
  if (!model) {
    looks.forget(key)
    return undefined
  }
  const source = hubModelToAsk(model)
  const look = source && (await looks.at(key, model, source))
  return { model, ...(look ? { look } : {}) }
}
