// Answers: what does cert-manager have to be told, so that it makes the certificate: an authority that signs itself and
// lasts, and certificates of it, so that a renewed certificate is trusted by a bundle that is a little old.
import { ownLabels } from '../cluster/labels.ts';
import { names, ownNamespace, serviceHost } from '../cluster/names.ts';
import type { ClusterOptions } from '../cluster/options.ts';
import type { KubeObject } from '../model/kube-object.ts';

const apiVersion = 'cert-manager.io/v1';
const authority = 'pillion-authority';
const selfSigned = 'pillion-self-signed';
const privateKey = { algorithm: 'ECDSA', size: 256 };

/** Renewal comes at two thirds of the lifetime, which is cert-manager's own way. */
export function certificateObjects(options: ClusterOptions['certificates']): readonly KubeObject[] {
  return [
    object('Issuer', selfSigned, { selfSigned: {} }),
    object('Certificate', authority, {
      isCA: true,
      commonName: authority,
      secretName: authority,
      duration: `${options.authorityLifetime}s`,
      privateKey,
      issuerRef: { name: selfSigned, kind: 'Issuer' },
    }),
    object('Issuer', authority, { ca: { secretName: authority } }),
    object('Certificate', names.service, {
      secretName: names.certificates,
      dnsNames: [serviceHost],
      usages: ['server auth'],
      duration: `${options.leafLifetime}s`,
      privateKey: { ...privateKey, rotationPolicy: 'Always' },
      issuerRef: { name: authority, kind: 'Issuer' },
    }),
  ];
}

function object(kind: 'Issuer' | 'Certificate', name: string, spec: KubeObject['spec']): KubeObject {
  return { apiVersion, kind, metadata: { name, namespace: ownNamespace, labels: ownLabels() }, spec };
}
