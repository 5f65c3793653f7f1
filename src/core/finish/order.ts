// Answers: in which order do the containers stand.
//
//   native   istio-init, istio-validation, istio-proxy, enable-core-dump, the user's: init containers have a network
//   plain    istio-validation, the user's, istio-init, enable-core-dump: the user's run before traffic is redirected
//
// Among the containers the proxy is last, so that kubectl means the application; first where the application waits.
import {
  type Container,
  coreDumpContainerName,
  initContainerName,
  type Pod,
  proxyContainerName,
  validationContainerName,
} from '../model/pod.ts';
import type { Effective } from '../settings/effective.ts';

export function orderContainers(pod: Pod, { holdApplication }: Effective): Pod {
  const { containers, initContainers } = pod.spec;
  const orderedContainers = containers && move(containers, proxyContainerName, holdApplication ? 'first' : 'last');
  const orderedInit = initContainers && orderInit(initContainers);
  if (orderedContainers === containers && orderedInit === initContainers) return pod;
  const spec = {
    ...pod.spec,
    ...(orderedContainers && { containers: orderedContainers }),
    ...(orderedInit && { initContainers: orderedInit }),
  };
  return { ...pod, spec };
}

function orderInit(list: readonly Container[]): readonly Container[] {
  const isNative = list.some(({ name }) => name === proxyContainerName);
  const moves: readonly (readonly [string, 'first' | 'last'])[] = isNative
    ? [
        [coreDumpContainerName, 'first'],
        [proxyContainerName, 'first'],
        [validationContainerName, 'first'],
        [initContainerName, 'first'],
      ]
    : [
        [validationContainerName, 'first'],
        [initContainerName, 'last'],
        [coreDumpContainerName, 'last'],
      ];
  return moves.reduce((ordered, [name, place]) => move(ordered, name, place), list);
}

/** The list with the container moved; the same list where it stands there already or does not exist. */
function move(list: readonly Container[], name: string, place: 'first' | 'last'): readonly Container[] {
  const at = list.findIndex((container) => container.name === name);
  const target = place === 'first' ? 0 : list.length - 1;
  const moved = list[at];
  if (moved === undefined || at === target) return list;
  const rest = list.filter((container) => container !== moved);
  return place === 'first' ? [moved, ...rest] : [...rest, moved];
}
