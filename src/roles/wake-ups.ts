// Answers: when may something have changed that upkeep is about. Watches on single objects wake the loop; what is there
// now the loop reads itself.
import { names, ownNamespace } from '../core/cluster/names.ts';
import { type Resource, resources } from '../core/cluster/resources.ts';
import { type ConfigMapPlace, optionsPlace } from '../core/cluster/settings-documents.ts';
import type { Kube, Place } from '../edge/kube/client.ts';
import type { KubeError } from '../edge/kube/kube-error.ts';
import { type Reflection, reflect } from '../edge/kube/reflector.ts';

export interface WakeUps {
  /** Follows this ConfigMap too, in place of the one before. */
  followInjector(place: ConfigMapPlace): void;
  /** Follows the guard, which older API servers do not know. */
  followGuard(): void;
  close(): void;
}

export interface WakeUpParts {
  readonly kube: Kube;
  readonly wake: () => void;
  /** Changes may be missed; the loop looks now and then anyway. */
  readonly trouble: (watch: string, error: KubeError) => void;
}

const own = { namespace: ownNamespace };

/** Follows what is there in every cluster; closed when the process no longer leads. */
export function openWakeUps({ kube, wake, trouble }: WakeUpParts): WakeUps {
  const follow = (resource: Resource, place: Place): Reflection<string> =>
    reflect(kube, resource, {
      place,
      project: ({ metadata }) => metadata.resourceVersion,
      changed: wake,
      trouble: (error) => trouble(`${resource.plural} ${place.name}`, error),
    });
  const always = [
    follow(resources.configMaps, optionsPlace),
    follow(resources.secrets, { ...own, name: names.certificates }),
    follow(resources.mutatingWebhooks, { name: names.registration }),
  ];
  let guard: readonly Reflection<string>[] = [];
  let injector: { readonly place: ConfigMapPlace; readonly reflection: Reflection<string> } | undefined;
  return {
    followGuard: () => {
      if (guard.length > 0) return;
      const kinds = [resources.admissionPolicies, resources.admissionPolicyBindings];
      guard = kinds.map((kind) => follow(kind, { name: names.guard }));
    },
    followInjector: (place) => {
      if (injector?.place.name === place.name && injector.place.namespace === place.namespace) return;
      injector?.reflection.close();
      injector = { place, reflection: follow(resources.configMaps, place) };
    },
    close: () => {
      for (const reflection of [...always, ...guard]) reflection.close();
      injector?.reflection.close();
    },
  };
}
