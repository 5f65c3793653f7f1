// Answers: what do the ConfigMaps of the cluster say at this moment. A document is read when its ConfigMap has changed,
// and only then.
// Does not belong here: what is around (live-surroundings.ts), which facts are in use (live-settings.ts).
import { resources } from '../../core/cluster/resources.ts';
import {
  type ConfigMapPlace,
  type Installation,
  type Overriding,
  optionsPlace,
  placesOf,
  placeText,
  readClusterFacts,
  readInjectorMap,
  readInstallation,
  readMeshMap,
  type SettingsPlaces,
} from '../../core/cluster/settings-documents.ts';
import type { Checked } from '../../core/configuration/injector-config.ts';
import type { Facts } from '../../core/model/facts.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { fail, type Problem } from '../../core/model/problem.ts';
import type { Kube } from './client.ts';
import { type NamedWatch, openWatch, type WatchListener, type WatchState } from './named-watch.ts';
import type { WatchName } from './watch-names.ts';

export interface LiveDocuments {
  /**
   * The facts of the documents, the same value for as long as no ConfigMap changes; undefined while one of them has not
   * been fetched yet.
   */
  read(): Checked<Facts> | undefined;
  /** The ConfigMaps, for a message: `configmap istio-system/istio (resourceVersion 123)`. */
  sources(): readonly string[];
  /** A ConfigMap as it is, for an Event about it. */
  find(place: ConfigMapPlace): KubeObject | undefined;
  watches(): readonly WatchState[];
  close(): void;
}

interface ConfigMapWatch extends NamedWatch<KubeObject> {
  readonly place: ConfigMapPlace;
}

interface ControlPlaneWatches {
  readonly mesh: ConfigMapWatch;
  readonly injector: ConfigMapWatch;
}

/** Watches the ConfigMaps; where the options name another revision, its ConfigMaps from then on. */
export function followDocuments(kube: Kube, over: Overriding, listener: WatchListener): LiveDocuments {
  const open = (name: WatchName, place: ConfigMapPlace): ConfigMapWatch => ({
    place,
    ...openWatch(kube, { name, title: placeText(place), resource: resources.configMaps, place, project }, listener),
  });
  const options = open('options', optionsPlace);
  let controlPlane: ControlPlaneWatches | undefined;
  const all = (): readonly ConfigMapWatch[] => [options, ...(controlPlane ? Object.values(controlPlane) : [])];
  const follow = (places: SettingsPlaces): ControlPlaneWatches => {
    if (controlPlane !== undefined && isAt(controlPlane.mesh, places.mesh)) return controlPlane;
    controlPlane?.mesh.close();
    controlPlane?.injector.close();
    controlPlane = { mesh: open('mesh', places.mesh), injector: open('injector', places.injector) };
    return controlPlane;
  };
  const readers = createReaders(over);
  return {
    read: () => {
      if (!options.reflection.hasSynced) return undefined;
      const installation = readers.installation(options);
      if (!installation.ok) return readers.refused(installation.error);
      const { mesh, injector } = follow(placesOf(installation.value, over));
      if (!mesh.reflection.hasSynced || !injector.reflection.hasSynced) return undefined;
      return readers.facts(installation.value, readers.mesh(mesh), readers.injector(injector));
    },
    sources: () => all().map(sourceText),
    find: (place) => all().flatMap((watch) => (isAt(watch, place) ? (objectOf(watch) ?? []) : []))[0],
    watches: () => all().map(({ state }) => state()),
    close: () => {
      for (const watch of all()) watch.close();
    },
  };
}

function project({ metadata, data }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name,
      ...(namespace && { namespace }),
      ...(uid && { uid }),
      ...(resourceVersion && { resourceVersion }),
    },
    data,
  };
}

function isAt({ place }: ConfigMapWatch, { namespace, name }: ConfigMapPlace): boolean {
  return place.namespace === namespace && place.name === name;
}

function objectOf({ reflection }: ConfigMapWatch): KubeObject | undefined {
  return reflection.items().values().next().value;
}

function sourceText(watch: ConfigMapWatch): string {
  const version = objectOf(watch)?.metadata.resourceVersion;
  return `${placeText(watch.place)}${version === undefined ? '' : ` (resourceVersion ${version})`}`;
}

/** The readers of the documents, each of which works only when what it reads has changed. */
function createReaders(over: Overriding) {
  return {
    installation: perVersion(readInstallation),
    mesh: perVersion(readMeshMap),
    injector: perVersion(readInjectorMap),
    refused: onChange(fail) as (error: readonly Problem[]) => Checked<Facts>,
    facts: onChange(
      (
        installation: Installation,
        mesh: ReturnType<typeof readMeshMap>,
        injector: ReturnType<typeof readInjectorMap>,
      ): Checked<Facts> => readClusterFacts(installation, { ...mesh, ...injector }, over),
    ),
  };
}

function perVersion<T>(read: (map: KubeObject | undefined, place: ConfigMapPlace) => T): (watch: ConfigMapWatch) => T {
  const readOnce = onChange(read);
  return (watch) => readOnce(objectOf(watch), watch.place);
}

/** Calls the function only when an argument is another value than the last time. */
function onChange<A extends readonly unknown[], T>(call: (...args: A) => T): (...args: A) => T {
  let last: { readonly args: A; readonly value: T } | undefined;
  return (...args) => {
    if (last === undefined || args.some((one, at) => one !== last?.args[at])) last = { args, value: call(...args) };
    return last.value;
  };
}
