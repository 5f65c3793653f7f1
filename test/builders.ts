// Answers: how does a test get a pod, a review or facts in one line. `pod('web', withPort(80))` is a whole pod.
// Does not belong here: random ones (property/arbitrary-pods.ts).
import fastJsonPatch from 'fast-json-patch';
import { type FactsOptions, readFacts, type SettingsDocuments } from '../src/core/configuration/read-facts.ts';
import type { Facts } from '../src/core/model/facts.ts';
import type { Container, Pod, StringMap } from '../src/core/model/pod.ts';
import { problemLine } from '../src/core/model/problem.ts';
import type { Review } from '../src/core/model/review.ts';
import type { Operation } from '../src/core/model/verdict.ts';

/** One step that makes another pod of a pod. */
export type Part = (pod: Pod) => Pod;

/** A pod of one container called `app`, changed by the parts from left to right. */
export function pod(name: string, ...parts: readonly Part[]): Pod {
  const plain: Pod = {
    metadata: { name, labels: { app: name } },
    spec: { containers: [{ name: 'app', image: `example.com/${name}` }] },
  };
  return parts.reduce((before, part) => part(before), plain);
}

/** Fields for the first container. */
export function withApp(fields: Partial<Container>): Part {
  return ({ spec, ...rest }) => {
    const [first, ...others] = spec.containers ?? [];
    return { ...rest, spec: { ...spec, containers: [{ name: 'app', ...first, ...fields }, ...others] } };
  };
}

export function withPort(containerPort: number, name?: string): Part {
  return (before) => {
    const ports = before.spec.containers?.[0]?.ports ?? [];
    return withApp({ ports: [...ports, { containerPort, ...(name === undefined ? {} : { name }) }] })(before);
  };
}

export function withContainer(container: Container): Part {
  return ({ spec, ...rest }) => ({ ...rest, spec: { ...spec, containers: [...(spec.containers ?? []), container] } });
}

export function withInitContainer(container: Container): Part {
  return ({ spec, ...rest }) => ({
    ...rest,
    spec: { ...spec, initContainers: [...(spec.initContainers ?? []), container] },
  });
}

export function withAnnotations(annotations: StringMap): Part {
  return ({ metadata, ...rest }) => ({
    ...rest,
    metadata: { ...metadata, annotations: { ...metadata.annotations, ...annotations } },
  });
}

export function withLabels(labels: StringMap): Part {
  return ({ metadata, ...rest }) => ({ ...rest, metadata: { ...metadata, labels: { ...metadata.labels, ...labels } } });
}

/** The request that would bring the object, whatever it is, into namespace `default`. */
export function review(object: unknown, changes: Partial<Review> = {}): Review {
  return {
    apiVersion: 'admission.k8s.io/v1',
    uid: '00000000-0000-4000-8000-000000000001',
    namespace: 'default',
    operation: 'CREATE',
    dryRun: false,
    object,
    path: '/inject',
    ...changes,
  };
}

/** Facts of the defaults and, over them, of the documents and options; throws where they cannot be read. */
export function facts(options: FactsOptions = {}, documents: Readonly<Record<string, unknown>> = {}): Facts {
  const named = Object.fromEntries(Object.entries(documents).map(([from, value]) => [from, { from, value }]));
  const read = readFacts(named as SettingsDocuments, options);
  if (!read.ok) throw new Error(read.error.map(problemLine).join('\n'));
  return read.value;
}

/** What fast-json-patch makes of the object; the object itself stays as it is. */
export function patched<T extends object>(object: T, patch: readonly Operation[]): T {
  return fastJsonPatch.applyPatch(structuredClone(object), patch as fastJsonPatch.Operation[], true).newDocument;
}
