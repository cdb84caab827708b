/** Renders a Pulumi component without an engine or a cluster: Pulumi's own mocks record what it registers. */
import * as pulumi from '@pulumi/pulumi'

export type RegisteredObject = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly annotations?: Record<string, string>
  }
}
export type Registered = {
  readonly type: string
  readonly name: string
  readonly object: RegisteredObject
}

/** Registrations are made in the background; the component's own registration comes last, with its outputs. */
export const registeredBy = async (
  program: () => pulumi.Resource,
): Promise<readonly Registered[]> => {
  const registered: Registered[] = []
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs }) => {
      registered.push({ type, name, object: inputs as RegisteredObject })
      return { id: `${name}-id`, state: inputs as Record<string, unknown> }
    },
    call: ({ inputs }) => inputs as Record<string, unknown>,
  })
  program()
  await pulumi.runtime.disconnect()
  return registered
}

/** @returns the Kubernetes objects among them, by `Kind/name` */
export const kubernetesObjects = (
  all: readonly Registered[],
): Readonly<Record<string, RegisteredObject>> =>
  Object.fromEntries(
    all
      .filter(({ type }) => type.startsWith('kubernetes:'))
      .map(({ object }) => [`${object.kind}/${object.metadata.name}`, object] as const)
      .toSorted(([a], [b]) => a.localeCompare(b)),
  )
