// Answers: which facts hold in the cluster at this moment: one frozen value, swapped whole. What changes around the
// settings never reads the documents again; documents that cannot be used leave all of the last good facts in use.
// Does not belong here: what is told of it (roles/followed-cluster.ts).
import type { Overriding } from '../../core/cluster/settings-documents.ts';
import type { Checked } from '../../core/configuration/injector-config.ts';
import {
  type NodeFacts,
  type ProxyConfigResource,
  proxyConfigProblems,
  withSurroundings,
} from '../../core/configuration/surroundings.ts';
import type { ExtensionFacts } from '../../core/model/delivered.ts';
import type { Facts } from '../../core/model/facts.ts';
import { type Problem, problemLine } from '../../core/model/problem.ts';
import type { Kube } from './client.ts';
import { followDocuments, type LiveDocuments } from './live-documents.ts';
import { followSurroundings, type LiveSurroundings } from './live-surroundings.ts';
import type { WatchListener, WatchState } from './named-watch.ts';

export interface LiveSettingsOptions {
  /** What is stronger than the ConfigMaps. */
  readonly over?: Overriding;
  /** Other documents than before are in use from now on. */
  readonly accepted: (facts: Facts, warnings: readonly Problem[]) => void;
  /** The documents of the cluster cannot be used; what was in use stays in use, if anything was. */
  readonly rejected: (problems: readonly Problem[]) => void;
  /** ProxyConfig resources and Wasm extensions that cannot be read do not count; told of all whenever one changes. */
  readonly passedOver: (problems: readonly Problem[]) => void;
  readonly troubled: WatchListener['troubled'];
  /** A fault of ours. */
  readonly failed: (error: unknown) => void;
}

export interface LiveSettings {
  /** Undefined until everything that a decision needs is known for the first time. */
  current(): Facts | undefined;
  /** Resolves when there are facts. */
  readonly first: Promise<void>;
  /** Why there are no facts yet, or why those of the cluster are not the ones in use; one line each. */
  waitingFor(): readonly string[];
  /** The ConfigMaps, with their versions. */
  sources(): readonly string[];
  find: LiveDocuments['find'];
  watches(): readonly WatchState[];
  /** Undefined where nodes are not watched. */
  nodeCount(): number | undefined;
  close(): void;
}

/** Changes that come together, as those of an upgrade, are looked at together: how long the first waits for others. */
const settleMs = 50;

export function followClusterSettings(kube: Kube, options: LiveSettingsOptions): LiveSettings {
  const { promise: first, resolve } = Promise.withResolvers<void>();
  let facts: Facts | undefined;
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    timer = undefined;
    try {
      facts = update() ?? facts;
      if (facts !== undefined) resolve();
    } catch (error) {
      options.failed(error);
    }
  };
  const schedule = (): void => {
    timer ??= setTimeout(look, settleMs);
  };
  // whoever declares an extension and its workload together finds it known when the first pod comes
  const changedAtOnce = (): void => {
    clearTimeout(timer);
    timer = setTimeout(look, 0);
  };
  const listener = { changed: schedule, changedAtOnce, troubled: options.troubled };
  const documents = followDocuments(kube, options.over ?? {}, listener);
  const surroundings = followSurroundings(kube, listener);
  const lastGood = createLastGood(documents, options.rejected);
  const update = createUpdate(lastGood, surroundings, options);
  const watches = (): readonly WatchState[] => [...documents.watches(), ...surroundings.watches()];
  return {
    current: () => facts,
    first,
    waitingFor: () => [...lastGood.problems().map(problemLine), ...waitingFor(watches(), surroundings)],
    sources: documents.sources,
    find: documents.find,
    watches,
    nodeCount: surroundings.nodeCount,
    close: () => {
      clearTimeout(timer);
      documents.close();
      surroundings.close();
    },
  };
}

type Good = Checked<Facts> & { readonly ok: true };

/** Makes the function that looks at everything anew; it returns undefined where what is in use stays in use. */
function createUpdate(
  lastGood: LastGood,
  surroundings: LiveSurroundings,
  { over = {}, accepted, passedOver }: LiveSettingsOptions,
): () => Facts | undefined {
  let used: Good | undefined;
  let resources: readonly ProxyConfigResource[] = [];
  let extensions: ExtensionFacts | undefined;
  const isNamedByOption = over.options?.kubeletVersions !== undefined;
  return () => {
    const good = lastGood.read();
    if (good === undefined) return undefined;
    const { native, platform, extensions: delivered } = good.value;
    const isDelivering = delivered !== undefined;
    const nodes = native.mode === 'auto' && !isNamedByOption;
    surroundings.need({
      nodes,
      namespaces: platform === 'openshift' || isDelivering,
      extensions: isDelivering,
      minimumMinor: native.minimumMinor,
    });
    const around = surroundings.read();
    if (around === undefined) return undefined;
    const facts = withSurroundings(good.value, isNamedByOption ? { ...around, ...named(good.value) } : around);
    if (used !== good) accepted(facts, good.warnings);
    if (resources !== around.proxyConfigs) passedOver(proxyConfigProblems(around.proxyConfigs));
    if (extensions !== around.extensions) passedOver(surroundings.passedOver());
    [used, resources, extensions] = [good, around.proxyConfigs, around.extensions];
    return facts;
  };
}

interface LastGood {
  /** Reads the documents; where they cannot be used, the last that could. */
  read(): Good | undefined;
  /** What is wrong with those that were read last. */
  problems(): readonly Problem[];
}

function createLastGood(documents: LiveDocuments, rejected: LiveSettingsOptions['rejected']): LastGood {
  let seen: Checked<Facts> | undefined;
  let good: Good | undefined;
  return {
    read: () => {
      const read = documents.read();
      if (read === seen) return good;
      seen = read;
      if (read?.ok) good = read;
      else if (read !== undefined) rejected(read.error);
      return good;
    },
    problems: () => (seen === undefined || seen.ok ? [] : seen.error),
  };
}

/** Where an option names the kubelets, nobody asks the cluster. */
function named({ native }: Facts): { readonly nodes: readonly NodeFacts[] | undefined; readonly apiServer: 'keeps' } {
  return { nodes: native.nodes?.nodes, apiServer: 'keeps' };
}

function waitingFor(watches: readonly WatchState[], surroundings: LiveSurroundings): readonly string[] {
  const probe = surroundings.probeTrouble();
  return [
    ...watches
      .filter(({ hasSynced }) => !hasSynced)
      .map(({ title, trouble }) => `${title}: ${trouble ?? 'not read yet'}`),
    ...(probe === undefined ? [] : [`version of the API server: ${probe}`]),
  ];
}
