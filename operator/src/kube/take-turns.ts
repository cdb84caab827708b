/** Whom to ask next, of more than can be asked at once: namespaces take turns, and within each the one longest unasked. */
import { createLanes } from './lanes.ts'
import { type ObjectMeta, objectKey, parseKey } from './kube-object.ts'

type Asked = { readonly metadata: Pick<ObjectMeta, 'namespace' | 'uid'> }

/** @param lastAsked by uid, of any clock; undefined: never */
export const takeTurns = function* <T extends Asked>(
  objects: readonly T[],
  lastAsked: (uid: string) => number | undefined,
): Generator<T, void> {
  const time = ({ metadata }: T) => lastAsked(metadata.uid ?? '') ?? Number.NEGATIVE_INFINITY
  const lanes = createLanes<T>(key => parseKey(key).namespace ?? '')
  // a lane is as old as its first: where not all namespaces get a turn, those left out begin the next time
  for (const object of objects.toSorted((a, b) =>
    time(a) < time(b) ? -1 : time(a) > time(b) ? 1 : 0,
  ))
    lanes.push(objectKey({ ...object.metadata, name: object.metadata.uid ?? '' }), object)
  for (let next = lanes.shift(); next; next = lanes.shift()) yield next[1]
}
