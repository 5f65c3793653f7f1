// Answers: how does the proxy of a pod come to mount paths of the node, whatever volumes and mounts the pod has already.
// What is there and means the same is used; names that others took are left to them.
// Does not belong here: which paths (host-files.ts).
import type { HostFile } from '../../model/delivered.ts';
import { isObject } from '../../model/json.ts';
import { type Container, findProxy, type Pod, type Volume, type VolumeMount } from '../../model/pod.ts';

export interface MountedPod {
  /** The same pod, where everything was there. */
  readonly pod: Pod;
  /** Those whose place in the proxy somebody else has taken. */
  readonly blocked: ReadonlySet<HostFile>;
}

/** Adds what is missing at the end of both lists; the pod has to have a proxy. */
export function mountHostFiles(pod: Pod, files: readonly HostFile[]): MountedPod {
  const proxy = findProxy(pod);
  if (proxy === undefined) throw new Error('Cannot mount into the proxy: the pod has none');
  const volumes = [...(pod.spec.volumes ?? [])];
  const mounts = [...(proxy.volumeMounts ?? [])];
  const [volumesBefore, mountsBefore] = [volumes.length, mounts.length];
  const blocked = new Set<HostFile>();
  for (const file of files) if (!mountOne(file, volumes, mounts)) blocked.add(file);
  const isSame = volumes.length === volumesBefore && mounts.length === mountsBefore;
  return { pod: isSame ? pod : withVolumes(pod, volumes, { ...proxy, volumeMounts: mounts }, proxy), blocked };
}

/** False where something else is mounted there. */
function mountOne({ volume, mount }: HostFile, volumes: Volume[], mounts: VolumeMount[]): boolean {
  const there = mounts.find(({ mountPath }) => isSamePath(mountPath, mount.mountPath));
  if (there !== undefined)
    return (
      isWhole(there) &&
      isSameSource(
        volumes.find(({ name }) => name === there.name),
        volume,
      )
    );
  const known = volumes.find((one) => isSameSource(one, volume));
  const name = known?.name ?? freeName(volume.name, volumes);
  if (known === undefined) volumes.push(name === volume.name ? volume : { ...volume, name });
  mounts.push(name === mount.name ? mount : { ...mount, name });
  return true;
}

/** A slash at the end means nothing. */
function isSamePath(one: string, path: string): boolean {
  return one === path || (one.length === path.length + 1 && one.endsWith('/') && one.startsWith(path));
}

/** Not a part of the volume. */
function isWhole(mount: VolumeMount): boolean {
  return !('subPath' in mount) && !('subPathExpr' in mount);
}

/** A directory is the same one without a type too; a file that nobody waits for is another matter. */
function isSameSource(one: Volume | undefined, { hostPath }: HostFile['volume']): boolean {
  const source = one?.['hostPath'];
  if (!isObject(source)) return false;
  const { path, type = '' } = source;
  if (typeof path !== 'string' || !isSamePath(path, hostPath.path)) return false;
  return type === hostPath.type || (hostPath.type === 'Directory' && type === '');
}

function freeName(wanted: string, volumes: readonly Volume[]): string {
  // a pod may have tens of thousands, named so that each next name is taken
  const taken = new Set(volumes.map(({ name }) => name));
  let name = wanted;
  for (let count = 2; taken.has(name); count += 1) name = `${wanted}-${count}`;
  return name;
}

function withVolumes(pod: Pod, volumes: readonly Volume[], proxy: Container, before: Container): Pod {
  const list = pod.spec.containers?.includes(before) ? 'containers' : 'initContainers';
  const containers = (pod.spec[list] ?? []).map((one) => (one === before ? proxy : one));
  return { ...pod, spec: { ...pod.spec, volumes, [list]: containers } };
}
