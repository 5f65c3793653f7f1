// Answers: what happens to a pod that another injector injects: its proxy gets the Wasm modules of the extensions that
// select it, and nothing else of the pod is looked at. The API server asks for such pods under a path of its own.
// Does not belong here: what the proxy gets (wasm/deliver-modules.ts), pods that we inject (admit.ts).
import type { Facts } from './model/facts.ts';
import { findProxy, type Pod, proxyContainerName } from './model/pod.ts';
import type { Review } from './model/review.ts';
import type { TraceEntry, Verdict } from './model/verdict.ts';
import { createPatch } from './patch.ts';
import { readAnnotations } from './settings/annotations.ts';
import { denied, deny, skip } from './verdicts.ts';
import { deliveredText, deliverModules, type ModulesOfPod } from './wasm/delivery/deliver-modules.ts';
import { deliveryPath, modulesAnnotation } from './wasm/names.ts';

/** True where the review asks for modules alone. */
export function asksForModules({ path }: Review): boolean {
  return path === deliveryPath || path.startsWith(`${deliveryPath}/`);
}

/** The verdict on a pod that somebody else injects. */
export function supply(review: Review, pod: Pod, namespace: string, facts: Facts): Verdict {
  if (findProxy(pod) === undefined) {
    const because = `the pod has no container ${proxyContainerName}`;
    return skip('no-proxy', [{ gate: 'proxy', outcome: 'skip', because }]);
  }
  const proxy: TraceEntry = {
    gate: 'proxy',
    outcome: 'pass',
    because: `the pod has a container ${proxyContainerName}`,
  };
  const text = pod.metadata.annotations?.[modulesAnnotation];
  const read = readAnnotations(text === undefined ? {} : { [modulesAnnotation]: text });
  if (read.problems.length > 0) return deny('invalid-annotation', read.problems, [proxy, denied('annotations')]);
  const supplied = deliverModules({ pod, namespace, named: read.annotations.wasmModules ?? [], facts });
  if (!supplied.ok) return deny('invalid-annotation', supplied.error, [proxy, denied('annotations')]);
  const { modules, warnings } = supplied.value;
  const trace = [proxy, ...moduleTrace(supplied.value)];
  if (modules.length === 0) {
    const because = warnings.length === 0 ? 'no extension selects the pod' : 'nothing can be delivered';
    return skip('no-modules', [...trace, { gate: 'Wasm modules', outcome: 'skip', because }], warnings);
  }
  return {
    kind: 'deliver',
    reason: 'modules-delivered',
    patch: createPatch(review.object as object, supplied.value.pod),
    pod: supplied.value.pod,
    modules,
    warnings,
    trace,
  };
}

/** What `why` tells of them, one line each. */
export function moduleTrace({ modules, warnings }: Pick<ModulesOfPod, 'modules' | 'warnings'>): readonly TraceEntry[] {
  return [...modules.map(deliveredText), ...warnings].map((because) => ({
    gate: 'Wasm modules',
    outcome: 'note',
    because,
  }));
}
