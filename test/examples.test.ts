import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { loadConfig, settings } from '../src/config.ts'

/** As much of Kubernetes' objects as is looked at. */
interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec?: Partial<WorkloadSpec & ServiceSpec>
  readonly stringData?: Readonly<Record<string, string>>
}

interface WorkloadSpec {
  readonly replicas: number
  readonly strategy: { readonly type: string }
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> }
  readonly template: {
    readonly metadata: { readonly labels: Readonly<Record<string, string>> }
    readonly spec: PodSpec
  }
}

interface PodSpec {
  readonly automountServiceAccountToken?: boolean
  readonly securityContext?: Readonly<Record<string, unknown>>
  readonly containers: readonly Container[]
  readonly volumes: readonly ({ readonly name: string } & Readonly<Record<string, unknown>>)[]
}

interface ServiceSpec {
  readonly ports: readonly { readonly port: number; readonly targetPort: string }[]
}

interface Container {
  readonly name: string
  readonly image: string
  readonly args?: readonly string[]
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  readonly env: readonly Variable[]
  readonly startupProbe?: Probe
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
  readonly securityContext: Readonly<Record<string, unknown>>
}

interface Variable {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } }
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}

function read(file: string): Manifest[] {
  const text = readFileSync(join(import.meta.dirname, '../examples', file), 'utf8')
  return parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([])
    return document.toJS() as Manifest
  })
}

function only<T>(items: readonly T[], wanted: (item: T) => boolean): T {
  const found = items.filter(wanted)
  expect(found).toHaveLength(1)
  return found[0] as T
}

/** Of a file's Deployment, the pod and fluxcloud's container. */
function deployed(manifests: readonly Manifest[]): {
  spec: WorkloadSpec
  pod: PodSpec
  fluxcloud: Container
} {
  const { spec } = only(manifests, ({ kind }) => kind === 'Deployment')
  const pod = (spec as WorkloadSpec).template.spec
  return {
    spec: spec as WorkloadSpec,
    pod,
    fluxcloud: only(pod.containers, ({ name }) => name === 'fluxcloud'),
  }
}

const separate = read('fluxcloud.yaml')
const sidecar = read('flux-deployment-sidecar.yaml')
const secret = only(separate, ({ kind }) => kind === 'Secret')

describe.each([
  ['fluxcloud.yaml', separate],
  ['flux-deployment-sidecar.yaml', sidecar],
])('examples/%s', (_file, manifests) => {
  const { fluxcloud, pod, spec } = deployed(manifests)
  const value = (name: string) => fluxcloud.env.find((variable) => variable.name === name)?.value

  test('is of the API versions of today', () => {
    const versions = new Map([
      ['Deployment', 'apps/v1'],
      ['Service', 'v1'],
      ['Secret', 'v1'],
      ['PersistentVolumeClaim', 'v1'],
    ])
    for (const { apiVersion, kind } of manifests)
      expect([kind, apiVersion]).toEqual([kind, versions.get(kind)])
  })

  test('has one pod at a time, which its selector selects', () => {
    expect(spec.replicas).toBe(1)
    expect(spec.strategy).toEqual({ type: 'Recreate' })
    expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels)
  })

  test('sets nothing that fluxcloud does not know', () => {
    for (const { name } of fluxcloud.env) {
      expect(Object.keys(settings)).toContain(name.replace(/_FILE$/, ''))
    }
  })

  test('starts fluxcloud, with the secrets that it names', () => {
    const env = fluxcloud.env.map(({ name, value: given, valueFrom }) => {
      if (valueFrom === undefined) return [name, given]
      const { key, name: from } = valueFrom.secretKeyRef
      expect(from).toBe(secret.metadata.name)
      return [name, secret.stringData?.[key]]
    })
    const config = loadConfig(Object.fromEntries(env) as Record<string, string>)
    expect(config.dataDir).toBe('/data')
    expect(config.slack?.channels).toEqual([{ channel: '#deployments', namespace: '*' }])
    expect(fluxcloud.ports).toEqual([{ name: 'fluxcloud', containerPort: config.listen.port }])
  })

  test('probes what answers', () => {
    for (const probe of [fluxcloud.startupProbe, fluxcloud.livenessProbe]) {
      expect(probe?.httpGet).toEqual({ path: '/healthz', port: 'fluxcloud' })
    }
    if (fluxcloud.readinessProbe === undefined) return
    expect(fluxcloud.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'fluxcloud' })
  })

  test('lets fluxcloud write to its folder and to nothing else', () => {
    const volumes = pod.volumes.map(({ name }) => name)
    for (const container of pod.containers) {
      for (const { name } of container.volumeMounts) expect(volumes).toContain(name)
    }
    expect(fluxcloud.volumeMounts.map(({ mountPath }) => mountPath)).toContain(value('DATA_DIR'))
    // What Kubernetes' "restricted" profile asks for, from the pod or from the container.
    expect({ ...pod.securityContext, ...fluxcloud.securityContext }).toMatchObject({
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    })
  })
})

test('ws://fluxcloud reaches the separate Deployment', () => {
  const service = only(separate, ({ kind }) => kind === 'Service')
  const { fluxcloud, pod, spec } = deployed(separate)
  expect(service.metadata.name).toBe('fluxcloud')
  expect(service.spec).toMatchObject({ selector: spec.selector.matchLabels })
  expect(service.spec?.ports?.map(({ port }) => port)).toEqual([80])
  expect(service.spec?.ports?.[0]?.targetPort).toBe(fluxcloud.ports[0]?.name)
  expect(pod.automountServiceAccountToken).toBe(false)
  // Without it a fresh volume belongs to root, and the store cannot be made.
  expect(pod.securityContext?.['fsGroup']).toBe(pod.securityContext?.['runAsUser'])
  const claim = only(separate, ({ kind }) => kind === 'PersistentVolumeClaim')
  expect(only(pod.volumes, ({ name }) => name === 'data')).toMatchObject({
    persistentVolumeClaim: { claimName: claim.metadata.name },
  })
})

test('fluxd connects to the sidecar, whose port is its own and which cannot see the token of Flux', () => {
  const { fluxcloud, pod } = deployed(sidecar)
  const flux = only(pod.containers, ({ name }) => name === 'flux')
  const [port] = fluxcloud.ports
  expect(flux.args).toContain(`--connect=ws://127.0.0.1:${port?.containerPort}`)
  expect(flux.ports.map(({ containerPort }) => containerPort)).not.toContain(port?.containerPort)
  const hidden = fluxcloud.volumeMounts.find(
    ({ mountPath }) => mountPath === '/var/run/secrets/kubernetes.io/serviceaccount',
  )
  expect(only(pod.volumes, ({ name }) => name === hidden?.name)).toEqual({ name: hidden?.name, emptyDir: {} })
})
