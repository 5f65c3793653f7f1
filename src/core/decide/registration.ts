// Answers: would the API server call a webhook of this revision for the pod. The registration's selectors decide, from
// the labels of the namespace and of the pod. <ours> is any name that is answered, the revision or a tag of it, and
// it is the default revision where one of them is called "default".
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
//   neither                        neither                        yes, by the default revision with namespacesByDefault
//   neither                        anything else                  no
//   one that is excluded           anything                       no
import { defaultRevision, injectionLabel } from '../cluster/well-known.ts';
import type { Facts } from '../model/facts.ts';
import type { StringMap } from '../model/pod.ts';
import type { SkipReason } from '../model/verdict.ts';
import { labels } from '../settings/catalogue.ts';

export interface RegistrationAnswer {
  /** Why the webhook would not be called; undefined where it would. */
  readonly reason: SkipReason | undefined;
  readonly because: string;
}

/** What the registration is made of. */
export type Registered = Pick<Facts, 'registration'>;

/**
 * The row of the table above that holds for these labels. A namespace that is excluded says so only where the labels ask
 * for injection: nobody else misses it.
 */
export function askRegistration(
  namespace: { readonly name: string; readonly labels: StringMap },
  pod: StringMap,
  registered: Registered,
): RegistrationAnswer {
  const answer = askForAnyPod(namespace.labels, pod, registered);
  if (answer.reason !== undefined) return answer;
  if (pod[labels.inject.key] === 'false') {
    return { reason: 'pod-opted-out', because: `the pod's label ${labels.inject.key} is "false"` };
  }
  if (!registered.registration.excludedNamespaces.includes(namespace.name)) return answer;
  return { reason: 'excluded-namespace', because: `${answer.because}, but namespace "${namespace.name}" is excluded` };
}

/** The answer for a pod that does not opt out, in a namespace that is not excluded. */
function askForAnyPod(namespace: StringMap, pod: StringMap, registered: Registered): RegistrationAnswer {
  const injection = namespace[injectionLabel];
  if (injection !== undefined) {
    const because = `${injectionLabel} is "${injection}"`;
    if (injection !== 'enabled') return { reason: 'namespace-opted-out', because };
    return isOurs(defaultRevision, registered)
      ? called(because)
      : { reason: 'other-revision', because: `${because}, which asks the default revision` };
  }
  const { key } = labels.revision;
  const asked = namespace[key] ?? pod[key];
  if (asked !== undefined) {
    const because = `${namespace[key] === undefined ? "the pod's " : ''}${key} is "${asked}"`;
    return isOurs(asked, registered)
      ? called(because)
      : { reason: 'other-revision', because: `${because}, ours is ${ours(registered)}` };
  }
  return askWithoutRevision(pod[labels.inject.key], registered);
}

/** Nothing names a revision, which leaves the default one. */
function askWithoutRevision(inject: string | undefined, registered: Registered): RegistrationAnswer {
  const because = `neither ${injectionLabel} nor ${labels.revision.key} is set`;
  if (isOurs(defaultRevision, registered)) {
    if (inject === 'true') return called("the pod's own label asks");
    if (inject === undefined && registered.registration.namespacesByDefault) {
      return called(`${because}, and namespaces are injected by default`);
    }
  }
  return { reason: 'namespace-not-opted-in', because };
}

function isOurs(name: string, { registration }: Registered): boolean {
  return registration.revisions.includes(name);
}

function ours({ registration }: Registered): string {
  return registration.revisions.map((name) => `"${name}"`).join(' or ');
}

function called(because: string): RegistrationAnswer {
  return { reason: undefined, because };
}
