import t from 'tap'
import { controlPlane } from '../fixtures/cluster/control-plane.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { testNamespace } from '../fixtures/cluster/namespace.ts'
import { CONFIG_MAP } from '../fixtures/kube/an-object.ts'
import { kubeClient } from '../fixtures/kube/kube-client.ts'
import { mirror } from '../fixtures/kube/mirror.ts'

const COUNT = 1_100
const AT_ONCE = 20

t.test('more than a page of objects', async t => {
  const { kubeconfig } = await controlPlane()
  const kube = kubeClient(t, { kubeconfig })
  const namespace = await testNamespace(t)
  const labels = { many: 'yes' }
  const labelSelector = 'many=yes'
  const names = Array.from({ length: COUNT }, (_, i) => `n-${String(i).padStart(4, '0')}`)
  const rest = [...names]
  const createRest = async () => {
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      const metadata = { namespace, name, labels }
      await kube.create(CONFIG_MAP, { apiVersion: 'v1', kind: 'ConfigMap', metadata })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, createRest))

  await t.test('come in pages of 500, each object once', async t => {
    const sizes: number[] = []
    const seen: string[] = []
    for await (const page of kube.listPages(CONFIG_MAP, { namespace, labelSelector })) {
      sizes.push(page.items.length)
      seen.push(...page.items.map(({ metadata }) => metadata.name))
    }
    t.strictSame(sizes, [500, 500, 100])
    t.strictSame(seen.sort(), names)
  })

  await t.test('are all of one version, whatever is created in between', async t => {
    const versions: string[] = []
    for await (const page of kube.listPages(CONFIG_MAP, { namespace, labelSelector })) {
      versions.push(page.resourceVersion)
      const metadata = { namespace, name: `z-${versions.length}`, labels }
      await kube.create(CONFIG_MAP, { apiVersion: 'v1', kind: 'ConfigMap', metadata })
    }
    t.equal(versions.length, 3)
    t.equal(new Set(versions).size, 1)
  })

  await t.test('are mirrored, and only those that the selector names', async t => {
    const metadata = { namespace, name: 'other' }
    await kube.create(CONFIG_MAP, { apiVersion: 'v1', kind: 'ConfigMap', metadata })
    const { story } = mirror(t, kube, { namespace, labelSelector })
    await eventually(() => {
      if (!story.includes('synced')) throw new Error(`${story.length} objects so far`)
    })
    t.ok(names.every(name => story.includes(`set ${name}`)))
    t.notOk(story.includes('set other'))
  })
})
