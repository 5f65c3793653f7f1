// Answers: what do we take from an AdmissionReview.
// Does not belong here: reading and answering one (core/review.ts).

export interface Review {
  readonly apiVersion: 'admission.k8s.io/v1' | 'admission.k8s.io/v1beta1';
  readonly uid: string;
  /** Namespace of the request; the pod itself often carries none. */
  readonly namespace: string;
  readonly operation: string;
  readonly dryRun: boolean;
  readonly object: unknown;
  /** The decoded URL path: `/inject` and what follows it (spec of the peer: key/value pairs). */
  readonly path: string;
}
