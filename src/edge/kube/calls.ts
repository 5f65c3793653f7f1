// Answers: which calls does an API server take, and what becomes of their answers, whoever carries them: the client
// library (client.ts) or Node alone (plain-client.ts). Objects travel as plain JSON.
// Does not belong here: configuration, TLS and credentials.
import type { HttpMethod } from '@kubernetes/client-node';
import { pathOf, type Resource, resourceOf, resources } from '../../core/cluster/resources.ts';
import { isObject, type JsonObject } from '../../core/model/json.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { whereNotFound } from './kube-error.ts';
import type { WatchEnd, WatchHandlers, WatchRequest } from './watch-stream.ts';

export interface WriteOptions {
  /** The API server does everything but keep the object. */
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
}

export interface CallOptions {
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

export interface KubeList {
  readonly items: readonly KubeObject[];
  /** Where a watch goes on from here. */
  readonly resourceVersion: string;
}

export interface Place {
  readonly namespace?: string;
  readonly name?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** Any call; the answer is parsed JSON. */
export type Call = (method: keyof typeof HttpMethod, path: string, options?: CallOptions) => Promise<JsonObject>;

/** Every method throws KubeError where the API server refuses, or cannot be reached. */
export interface KubeCalls {
  /** Undefined where there is no such object. */
  get(resource: Resource, name: string, namespace?: string): Promise<KubeObject | undefined>;
  /** All objects, page by page. */
  list(resource: Resource, place?: Place, signal?: AbortSignal): Promise<KubeList>;
  create(object: JsonObject, options?: WriteOptions): Promise<KubeObject>;
  /** Puts the object in the place of the one with its resourceVersion; code `conflict` where that has changed. */
  replace(object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** Server-side apply; fields that others have taken are taken back. */
  apply(object: JsonObject, options: WriteOptions & { readonly fieldManager: string }): Promise<KubeObject>;
  /** False where there was no such object. */
  remove(resource: Resource, name: string, namespace?: string, options?: WriteOptions): Promise<boolean>;
  readonly call: Call;
}

/** What it takes to follow a collection (reflector.ts). */
export interface Followable {
  readonly call: Call;
  /** Watches until the stream ends; never throws. Nothing of it is left then, not even a connection. */
  watch(request: WatchRequest, handlers: WatchHandlers): Promise<WatchEnd>;
}

const pageSize = 500;
/** Of kinds that anybody fills in a namespace of their own: objects of 1.5 MB, as etcd takes them, fit into every process of ours. */
const strangersPageSize = 8;
const ofStrangers: ReadonlySet<Resource> = new Set([
  resources.wasmExtensions,
  resources.filterDeployments,
  resources.wasmPlugins,
  resources.envoyFilters,
  resources.proxyConfigs,
]);

/** The calls, by whatever carries one. */
export function callsOf(call: Call): KubeCalls {
  return {
    call,
    get: async (resource, name, namespace) =>
      (await whereNotFound(undefined, call('GET', pathOf(resource, namespace, name)))) as KubeObject | undefined,
    list: (resource, place, signal) => listAll(pagesOf({ call }, resource, place, signal)),
    create: async (object, options) =>
      (await call('POST', placeOf(object), { query: writeQuery(options), body: object })) as KubeObject,
    replace: async (object, options) =>
      (await call('PUT', placeOf(object, object.metadata.name), {
        query: writeQuery(options),
        body: object,
      })) as KubeObject,
    apply: async (object, options) =>
      (await call('PATCH', placeOf(object, (object as KubeObject).metadata.name), {
        query: { ...writeQuery(options), force: 'true' },
        body: object,
        contentType: 'application/apply-patch+yaml',
      })) as KubeObject,
    remove: async (resource, name, namespace, options) => {
      const removed = call('DELETE', pathOf(resource, namespace, name), { query: writeQuery(options) });
      return (await whereNotFound(undefined, removed)) !== undefined;
    },
  };
}

function placeOf(object: JsonObject, name?: string): string {
  const { metadata } = object as KubeObject;
  return pathOf(resourceOf(object as KubeObject), metadata.namespace, name);
}

function writeQuery({ dryRun, fieldManager }: WriteOptions = {}): Record<string, string | undefined> {
  return { dryRun: dryRun ? 'All' : undefined, fieldManager };
}

/** The query that says what of a collection is meant. */
export function selectorsOf({ name, labelSelector, fieldSelector = name && `metadata.name=${name}` }: Place) {
  return { labelSelector, fieldSelector };
}

/** A collection page by page, for whoever need not keep all of it. */
export async function* pagesOf(
  { call }: { readonly call: Call },
  resource: Resource,
  place: Place = {},
  signal?: AbortSignal,
): AsyncGenerator<KubeList> {
  const path = pathOf(resource, place.namespace);
  const limit = String(ofStrangers.has(resource) ? strangersPageSize : pageSize);
  let next: string | undefined;
  do {
    const query = { limit, continue: next, ...selectorsOf(place) };
    const page = await call('GET', path, { query, ...(signal && { signal }) });
    const metadata = isObject(page['metadata']) ? page['metadata'] : {};
    const items = Array.isArray(page['items']) ? page['items'] : [];
    yield {
      // items of a list carry no type of their own
      items: items.map((item) => ({ apiVersion: resource.apiVersion, kind: resource.kind, ...item })),
      resourceVersion: String(metadata['resourceVersion'] ?? ''),
    };
    next = typeof metadata['continue'] === 'string' && metadata['continue'] !== '' ? metadata['continue'] : undefined;
  } while (next !== undefined);
}

/** What is wanted of every object; the objects themselves are let go of with their page. */
export async function collect<T>(
  kube: { readonly call: Call },
  resource: Resource,
  place: Place,
  project: (object: KubeObject) => T | undefined,
): Promise<readonly T[]> {
  const wanted: T[] = [];
  for await (const { items } of pagesOf(kube, resource, place)) {
    for (const item of items) {
      const one = project(item);
      if (one !== undefined) wanted.push(one);
    }
  }
  return wanted;
}

async function listAll(pages: AsyncIterable<KubeList>): Promise<KubeList> {
  const items: KubeObject[] = [];
  let last = '';
  for await (const page of pages) {
    items.push(...page.items);
    last = page.resourceVersion;
  }
  return { items, resourceVersion: last };
}

/** Status of the API server; plain text where it knows no such path, or a proxy before it answers. */
export function readFault(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.trim().slice(0, 200) };
  }
}
