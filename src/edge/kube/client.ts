// Answers: how is the API server asked. Objects travel as plain JSON: the typed classes of the client would drop fields
// that they do not know. From the client come the configuration (kubeconfig, service account), TLS and credentials.
// Does not belong here: following changes (reflector.ts), who leads (lease.ts).
import { HttpMethod, IsomorphicFetchHttpLibrary, KubeConfig, RequestContext } from '@kubernetes/client-node';
import { pathOf, type Resource, resourceOf } from '../../core/cluster/resources.ts';
import { isObject, type JsonObject } from '../../core/model/json.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { KubeError, kubeErrorOf, whereNotFound } from './kube-error.ts';

export interface KubeOptions {
  /** File; `KUBECONFIG`, `~/.kube/config` or the service account of the pod where absent. */
  readonly kubeconfig?: string;
  readonly context?: string;
}

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

/** Every method throws KubeError where the API server refuses, or cannot be reached. */
export interface Kube {
  /** `https://host:port`, for messages. */
  readonly server: string;
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
  /** Any call; the answer is parsed JSON. */
  call(method: keyof typeof HttpMethod, path: string, options?: CallOptions): Promise<JsonObject>;
  /** The configuration, for streams (reflector.ts). */
  readonly config: KubeConfig;
}

/** The API server answers within this, or it counts as unreachable. */
const patienceMs = 15_000;
const pageSize = 500;

/** Reads the configuration; throws KubeError `no-configuration` where there is none. */
export function connect(options: KubeOptions = {}): Kube {
  return kubeOf(readConfig(options));
}

function readConfig({ kubeconfig, context }: KubeOptions): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
    if (context !== undefined) config.setCurrentContext(context);
  } catch (error) {
    throw new KubeError(
      'no-configuration',
      `Cannot read the kubeconfig: ${error instanceof Error ? error.message : error}; name another with --kubeconfig`,
    );
  }
  const cluster = config.getCurrentCluster();
  // where nothing is found the client makes up a cluster on localhost
  if (cluster === null || (cluster.name === 'cluster' && cluster.server === 'http://localhost:8080')) {
    const asked = context === undefined ? 'it names no current cluster' : `it has no context "${context}"`;
    throw new KubeError('no-configuration', `Cannot find a cluster: ${asked}; name a kubeconfig with --kubeconfig`);
  }
  return config;
}

export function kubeOf(config: KubeConfig): Kube {
  const server = config.getCurrentCluster()?.server ?? '';
  const call: Kube['call'] = (method, path, options) => send(config, method, `${server}${path}`, options);
  return {
    server,
    config,
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
  { call }: Pick<Kube, 'call'>,
  resource: Resource,
  place: Place = {},
  signal?: AbortSignal,
): AsyncGenerator<KubeList> {
  const path = pathOf(resource, place.namespace);
  let next: string | undefined;
  do {
    const query = { limit: String(pageSize), continue: next, ...selectorsOf(place) };
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

async function listAll(pages: AsyncIterable<KubeList>): Promise<KubeList> {
  const items: KubeObject[] = [];
  let last = '';
  for await (const page of pages) {
    items.push(...page.items);
    last = page.resourceVersion;
  }
  return { items, resourceVersion: last };
}

const http = new IsomorphicFetchHttpLibrary();

async function send(
  config: KubeConfig,
  method: keyof typeof HttpMethod,
  url: string,
  { query = {}, body, contentType = 'application/json', signal }: CallOptions = {},
): Promise<JsonObject> {
  const context = new RequestContext(url, HttpMethod[method]);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) context.setQueryParam(name, value);
  context.setHeaderParam('Accept', 'application/json');
  if (body !== undefined) {
    context.setHeaderParam('Content-Type', contentType);
    context.setBody(JSON.stringify(body));
  }
  const deadline = AbortSignal.timeout(patienceMs);
  context.setSignal(signal === undefined ? deadline : AbortSignal.any([deadline, signal]));
  try {
    await config.applySecurityAuthentication(context);
    const response = await http.send(context).toPromise();
    const text = await response.body.text();
    if (response.httpStatusCode >= 400) throw kubeErrorOf(response.httpStatusCode, readFault(text));
    const value: unknown = text === '' ? {} : JSON.parse(text);
    return isObject(value) ? value : {};
  } catch (error) {
    if (error instanceof KubeError) throw error;
    throw kubeErrorOf(undefined, error, `${method} ${new URL(url).pathname}`);
  } finally {
    // the client makes a connection for each call; left alone it would stay open for a while, or go on being made
    void context
      .getDispatcher()
      ?.destroy()
      .catch(() => {});
  }
}

/** Status of the API server; plain text where it knows no such path, or a proxy before it answers. */
function readFault(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.trim().slice(0, 200) };
  }
}
