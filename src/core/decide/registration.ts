// Answers: would the API server call a webhook of this revision for the pod. The registration's selectors decide, from
// the labels of the namespace and of the pod:
//
//   namespace                      pod                            called
//   istio-injection=enabled        inject=false                   no
//   istio-injection=enabled        anything else                  yes, by the default revision
//   istio-injection=<other>        anything                       no
//   istio.io/rev=<ours>            not inject=false               yes
//   istio.io/rev=<other>           anything                       no
//   neither                        istio.io/rev=<ours>            yes, unless inject=false
//   neither                        istio.io/rev=<other>           no
//   neither                        inject=true                    yes, by the default revision
//   neither                        anything else                  no
import type { StringMap } from '../model/pod.ts';
import type { SkipReason } from '../model/verdict.ts';
import { labels } from '../settings/catalogue.ts';

const injectionLabel = 'istio-injection';

export interface RegistrationAnswer {
  /** Why the webhook would not be called; undefined where it would. */
  readonly reason: SkipReason | undefined;
  readonly because: string;
}

/** The row of the table above that holds for these labels. */
export function askRegistration(namespace: StringMap, pod: StringMap, revision: string): RegistrationAnswer {
  const answer = askForAnyPod(namespace, pod, revision);
  if (answer.reason !== undefined || pod[labels.inject.key] !== 'false') return answer;
  return { reason: 'pod-opted-out', because: `the pod's label ${labels.inject.key} is "false"` };
}

/** The answer for a pod that does not opt out. */
function askForAnyPod(namespace: StringMap, pod: StringMap, revision: string): RegistrationAnswer {
  const injection = namespace[injectionLabel];
  if (injection !== undefined) {
    const because = `${injectionLabel} is "${injection}"`;
    if (injection !== 'enabled') return { reason: 'namespace-opted-out', because };
    const ours = revision === 'default';
    return ours
      ? called(because)
      : { reason: 'other-revision', because: `${because}, which asks the default revision` };
  }
  const { key } = labels.revision;
  const asked = namespace[key] ?? pod[key];
  if (asked !== undefined) {
    const because = `${namespace[key] === undefined ? "the pod's " : ''}${key} is "${asked}"`;
    return asked === revision
      ? called(because)
      : { reason: 'other-revision', because: `${because}, ours is "${revision}"` };
  }
  if (pod[labels.inject.key] === 'true' && revision === 'default') return called("the pod's own label asks");
  return { reason: 'namespace-not-opted-in', because: `neither ${injectionLabel} nor ${key} is set` };
}

function called(because: string): RegistrationAnswer {
  return { reason: undefined, because };
}
