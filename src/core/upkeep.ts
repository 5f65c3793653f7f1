// Answers: what has to be done so that certificate, registration and guard are as the options want them. Everything is
// decided here, from objects as the API server gave them; who leads carries it out.
// Does not belong here: asking and writing (roles/upkeep.ts), what each object should be (cluster/, certificates/).
import { bundleOf, contentsAfter } from './certificates/contents.ts';
import type { CertificateFacts } from './certificates/facts.ts';
import { type CertificatePlan, planCertificates } from './certificates/plan.ts';
import { type CertificateSecret, emptySecret, readSecret } from './certificates/secret.ts';
import { seeRegistered, type Trust } from './certificates/trust.ts';
import { isSignedBy, printBundle, readBundle } from './certificates/x509.ts';
import { type Drift, findDrift } from './cluster/drift.ts';
import { type GuardedConfig, guard } from './cluster/guard.ts';
import { hasPolicies } from './cluster/kubernetes-version.ts';
import { isOurs } from './cluster/labels.ts';
import type { ClusterOptions } from './cluster/options.ts';
import { registeredBundle, registration } from './cluster/registration.ts';
import type { KubeObject } from './model/kube-object.ts';

export interface UpkeepFacts {
  readonly options: ClusterOptions;
  /** The injector configuration; undefined while none could be read. */
  readonly injector: GuardedConfig | undefined;
  readonly secret: KubeObject | undefined;
  readonly registration: KubeObject | undefined;
  /** The policy and its binding, as far as they are there. */
  readonly guard: readonly KubeObject[];
  /** Our namespace. What we write into the whole cluster belongs to it, and goes when it goes. */
  readonly namespace: KubeObject | undefined;
  /** `1.minor` is the version of the API server; undefined where it does not tell. */
  readonly minor: number | undefined;
  /** Before this look at the cluster. */
  readonly trust: Trust;
  readonly now: Date;
}

/** One object that is to be written. */
export interface Write {
  readonly kind: 'apply' | 'remove';
  readonly object: KubeObject;
  /** What is wrong with the one that is there; undefined where there is none. */
  readonly drift: Drift | undefined;
}

export interface UpkeepPlan {
  /** Undefined where others make the certificate. */
  readonly certificates: { readonly facts: CertificateFacts; readonly plan: CertificatePlan } | undefined;
  /** The registration. Where there is none yet, only once a replica answers. */
  readonly registration: Write | undefined;
  readonly guard: readonly Write[];
  /** The authorities to trust, PEM; undefined where there are none. */
  readonly bundle: string | undefined;
  readonly trust: Trust;
  readonly notAfter: Expiries;
  /** Why something is left undone, in words. */
  readonly waitsFor: readonly string[];
}

/** When what is in the Secret expires. */
export interface Expiries {
  readonly leaf?: Date;
  readonly authority?: Date;
}

/** Decides everything that is to be done now. */
export function planUpkeep(facts: UpkeepFacts): UpkeepPlan {
  const { options, now } = facts;
  const secret = facts.secret === undefined ? emptySecret : readSecret(facts.secret);
  const registeredText = facts.registration === undefined ? undefined : registeredBundle(facts.registration);
  const registered = facts.registration === undefined ? undefined : readBundle(registeredText ?? '').authorities;
  const trust = seeRegistered(facts.trust, registered, now);
  const isManaged = options.certificates.source === 'managed';
  const certificateFacts = { secret, registered, trust, options: options.certificates, now };
  const bundle = isManaged ? trustedNow(certificateFacts) : bundleOfOthers(facts, secret, registeredText);
  const waitsFor: string[] = [];
  if (bundle === undefined && !isManaged) {
    waitsFor.push('the Secret has no authority in ca.crt, which somebody else has to write');
  }
  const guardWrites = planGuard(facts, waitsFor);
  return {
    certificates: isManaged ? { facts: certificateFacts, plan: planCertificates(certificateFacts) } : undefined,
    registration: bundle === undefined ? undefined : planRegistration(facts, bundle),
    guard: guardWrites,
    bundle,
    trust,
    notAfter: expiriesOf(secret),
    waitsFor,
  };
}

/** Whom the registration has to trust, whatever becomes of the step that is due: that comes into the Secret first. */
function trustedNow(facts: CertificateFacts): string | undefined {
  return printBundle(contentsAfter(facts, { needsAuthority: false }, {}).bundle) || undefined;
}

/**
 * cert-manager's cainjector keeps the bundle: it is left as it is, and only begun. Otherwise it is what the Secret says,
 * and where that says nothing, what is registered.
 */
function bundleOfOthers(
  { options }: UpkeepFacts,
  secret: CertificateSecret,
  registered: string | undefined,
): string | undefined {
  const own = printBundle(secret.bundle) || undefined;
  return options.certificates.source === 'cert-manager' ? (registered ?? own) : (own ?? registered);
}

function planRegistration(facts: UpkeepFacts, caBundle: string): Write | undefined {
  const { options, minor } = facts;
  const wanted = registration({ options, caBundle, hasMatchConditions: hasPolicies(minor) });
  return writeOf(facts.registration, ownedBy(facts.namespace, wanted));
}

function planGuard(
  { options, injector, guard: there, minor, namespace, registration: registered }: UpkeepFacts,
  waitsFor: string[],
): readonly Write[] {
  if (!hasPolicies(minor)) return [];
  if (options.guard === 'off') {
    return there.filter(isOurs).map((object) => ({ kind: 'remove', object, drift: undefined }));
  }
  if (injector === undefined) {
    waitsFor.push("Istio's injector configuration cannot be read, without which the guard is left as it is");
    return [];
  }
  const writes = guard(options, injector).flatMap(
    (wanted) =>
      writeOf(
        there.find(({ kind }) => kind === wanted.kind),
        ownedBy(namespace, wanted),
      ) ?? [],
  );
  // before there is a webhook every pod lacks its sidecar: a guard that denies would refuse them all
  return registered === undefined ? writes.filter(({ drift }) => drift !== undefined) : writes;
}

/**
 * Whoever deletes the namespace, by whatever means, takes the webhook away: a registration that stayed would refuse pods
 * for ever. An object of the whole cluster may belong to a namespace (Kubernetes, "Owners and Dependents").
 */
function ownedBy(owner: KubeObject | undefined, object: KubeObject): KubeObject {
  if (owner?.metadata.uid === undefined) return object;
  const { apiVersion, kind, metadata } = owner;
  const ownerReferences = [{ apiVersion, kind, name: metadata.name, uid: owner.metadata.uid }];
  return { ...object, metadata: { ...object.metadata, ownerReferences } };
}

function writeOf(found: KubeObject | undefined, wanted: KubeObject): Write | undefined {
  if (found === undefined) return { kind: 'apply', object: wanted, drift: undefined };
  const drift = findDrift(found, wanted);
  if (drift === undefined) return undefined;
  const { uid, resourceVersion } = found.metadata;
  // of that version, so that somebody who wakes up late cannot put an old bundle over a new one
  const metadata = { ...wanted.metadata, ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) };
  return { kind: 'apply', object: { ...wanted, metadata }, drift };
}

function expiriesOf(secret: CertificateSecret): Expiries {
  const { leaf } = secret;
  const authority =
    leaf === undefined ? secret.signer : (bundleOf(secret).find((one) => isSignedBy(leaf, one)) ?? secret.signer);
  return {
    ...(leaf === undefined ? {} : { leaf: leaf.certificate.validToDate }),
    ...(authority === undefined ? {} : { authority: authority.certificate.validToDate }),
  };
}
