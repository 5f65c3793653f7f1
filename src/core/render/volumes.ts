// Answers: which volumes does the proxy need, and where does it mount them.
// A source of `null` leaves the choice to whoever names the volume already: SPIRE puts a CSI volume under
// workload-socket; where nobody does, Kubernetes makes an emptyDir of it.
import { fragment } from '../model/fragment.ts';
import type { Volume, VolumeMount } from '../model/pod.ts';
import type { Effective } from '../settings/effective.ts';
import { openVolumes, type RenderContext } from './context.ts';
import { sharedMembers, sharedPart } from './shared.ts';

const gkeCaName = 'GkeWorkloadCertificate';

function frozenMount(name: string, mountPath: string): VolumeMount {
  return Object.freeze({ name, mountPath });
}

function frozenVolume(name: string, source: Omit<Volume, 'name'>): Volume {
  return fragment({ name, ...source });
}

/** Volumes without a source of ours, as they are new; and as they are merged with one that is there. */
const open = openVolumes.map((name) => frozenVolume(name, {}));
const openOverOthers = openVolumes.map((name) => frozenVolume(name, { emptyDir: null }));
const gatewayCredentialSocket = frozenVolume('credential-socket', { emptyDir: {} });
const gatewayWorkloadCerts = frozenVolume('workload-certs', { emptyDir: {} });
const gkeCertificate = frozenVolume('gke-workload-certificate', {
  csi: { driver: 'workloadcertificates.security.cloud.google.com' },
});
const envoyFiles = frozenVolume('istio-envoy', { emptyDir: { medium: 'Memory' } });
const xdsFiles = frozenVolume('istio-xds', { emptyDir: { medium: 'Memory' } });
const data = frozenVolume('istio-data', { emptyDir: {} });
const podInfo = frozenVolume('istio-podinfo', {
  downwardAPI: {
    items: [
      { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
      { path: 'annotations', fieldRef: { fieldPath: 'metadata.annotations' } },
    ],
  },
});
const tracingCertificate = frozenVolume('lightstep-certs', {
  secret: { optional: true, secretName: 'lightstep.cacert' },
});

const mounts = {
  workloadSocket: frozenMount('workload-socket', '/var/run/secrets/workload-spiffe-uds'),
  credentialSocket: frozenMount('credential-socket', '/var/run/secrets/credential-uds'),
  gkeCertificate: Object.freeze({
    ...frozenMount('gke-workload-certificate', '/var/run/secrets/workload-spiffe-credentials'),
    readOnly: true,
  }),
  workloadCerts: frozenMount('workload-certs', '/var/run/secrets/workload-spiffe-credentials'),
  rootCertificate: frozenMount('istiod-ca-cert', '/var/run/secrets/istio'),
  revocations: frozenMount('istio-ca-crl', '/var/run/secrets/istio/crl'),
  customBootstrap: frozenMount('custom-bootstrap-volume', '/etc/istio/custom-bootstrap'),
  token: frozenMount('istio-token', '/var/run/secrets/tokens'),
  meshCertificates: Object.freeze({ ...frozenMount('istio-certs', '/etc/certs/'), readOnly: true }),
  podInfo: frozenMount('istio-podinfo', '/etc/istio/pod'),
  envoyFiles: frozenMount('istio-envoy', '/etc/istio/proxy'),
} as const;

export const dataMount = frozenMount('istio-data', '/var/lib/istio/data');
export const xdsMount = frozenMount('istio-xds', '/etc/istio/proxy');

/** Mounts of the sidecar. */
export function sidecarMounts(context: RenderContext): VolumeMount[] {
  const { effective } = context;
  const istiodCa = usesIstiodCa(effective);
  const result: VolumeMount[] = [mounts.workloadSocket, mounts.credentialSocket, certificateMount(effective)];
  if (istiodCa) result.push(mounts.rootCertificate, mounts.revocations);
  result.push(dataMount);
  if (effective.annotations.bootstrapOverride !== undefined) result.push(mounts.customBootstrap);
  result.push(mounts.envoyFiles, mounts.token, ...meshCertificateMounts(effective), mounts.podInfo);
  const tracingFolder = tracingCertificateFolder(effective);
  if (tracingFolder !== undefined) result.push({ name: 'lightstep-certs', mountPath: tracingFolder, readOnly: true });
  result.push(...userMounts(effective));
  return result;
}

/** Mounts of a gateway: no revocation lists, no volumes of the user. */
export function gatewayMounts({ effective }: RenderContext): VolumeMount[] {
  return [
    mounts.workloadSocket,
    mounts.credentialSocket,
    certificateMount(effective),
    ...(usesIstiodCa(effective) ? [mounts.rootCertificate] : []),
    dataMount,
    ...(effective.annotations.bootstrapOverride === undefined ? [] : [mounts.customBootstrap]),
    mounts.envoyFiles,
    mounts.token,
    ...meshCertificateMounts(effective),
    mounts.podInfo,
  ];
}

/** Mounts of the agent without Envoy. */
export function grpcAgentMounts({ effective }: RenderContext): VolumeMount[] {
  return [
    mounts.workloadSocket,
    certificateMount(effective),
    ...(usesIstiodCa(effective) ? [mounts.rootCertificate] : []),
    dataMount,
    xdsMount,
    mounts.token,
    ...meshCertificateMounts(effective),
    mounts.podInfo,
  ];
}

/** Where the workload's certificate is mounted from. */
export function certificateMount(effective: Effective): VolumeMount {
  return hasGkeCertificate(effective) ? mounts.gkeCertificate : mounts.workloadCerts;
}

/** What the user asks for in sidecar.istio.io/userVolumeMount. Its own name wins: the key of a list's element is its index. */
export function userMounts({ annotations }: Effective): VolumeMount[] {
  return (annotations.userVolumeMount ?? []).map(([name, mount]) => ({ name, ...mount }) as unknown as VolumeMount);
}

export function sidecarVolumes(context: RenderContext): Volume[] {
  const { effective } = context;
  const [socket, credentials, certificates] = openVolumesOf(context);
  const volumes: Volume[] = [socket, credentials, hasGkeCertificate(effective) ? gkeCertificate : certificates];
  volumes.push(...bootstrapVolume(effective));
  volumes.push(envoyFiles, data, podInfo, tokenVolume(context), ...rootCertificateVolume(context));
  volumes.push(revocationsVolume(context));
  volumes.push(...meshCertificateVolume(context), ...userVolumes(effective));
  if (tracingCertificateFolder(effective) !== undefined) volumes.push(tracingCertificate);
  return volumes;
}

export function gatewayVolumes(context: RenderContext): Volume[] {
  const { effective } = context;
  const [socket] = openVolumesOf(context);
  return [
    socket,
    gatewayCredentialSocket,
    hasGkeCertificate(effective) ? gkeCertificate : gatewayWorkloadCerts,
    ...bootstrapVolume(effective),
    envoyFiles,
    data,
    podInfo,
    tokenVolume(context),
    ...rootCertificateVolume(context),
    ...meshCertificateVolume(context),
  ];
}

export function grpcAgentVolumes(context: RenderContext): Volume[] {
  const { effective } = context;
  const [socket, , certificates] = openVolumesOf(context);
  return [
    socket,
    hasGkeCertificate(effective) ? gkeCertificate : certificates,
    ...bootstrapVolume(effective),
    xdsFiles,
    data,
    podInfo,
    tokenVolume(context),
    ...rootCertificateVolume(context),
    ...meshCertificateVolume(context),
    ...userVolumes(effective),
  ];
}

function openVolumesOf({ takesAway }: RenderContext): [socket: Volume, credentials: Volume, certificates: Volume] {
  return (takesAway ? openOverOthers : open) as [Volume, Volume, Volume];
}

function hasGkeCertificate({ facts }: Effective): boolean {
  return facts.values.global.caName === gkeCaName;
}

function usesIstiodCa({ facts }: Effective): boolean {
  return facts.values.global.pilotCertProvider === 'istiod';
}

function meshCertificateMounts({ facts }: Effective): VolumeMount[] {
  return facts.values.global.mountMtlsCerts ? [mounts.meshCertificates] : [];
}

function bootstrapVolume({ annotations: { bootstrapOverride } }: Effective): Volume[] {
  if (bootstrapOverride === undefined) return [];
  return [{ name: 'custom-bootstrap-volume', configMap: { name: bootstrapOverride } }];
}

/** A token of 12 hours for istiod alone. */
function tokenVolume(context: RenderContext): Volume {
  const { tokenAudience: audience } = context.effective.facts.values.global;
  const token = { path: 'istio-token', expirationSeconds: 43_200, audience };
  const projected = { sources: [{ serviceAccountToken: token }] };
  return sharedPart(context, 'token volume', () => ({ name: 'istio-token', projected }));
}

function revocationsVolume(context: RenderContext): Volume {
  const { crlConfigMapName: name } = context.effective.facts.values;
  return sharedPart(context, 'revocations volume', () => ({
    name: 'istio-ca-crl',
    configMap: { name, optional: true },
  }));
}

function rootCertificateVolume(context: RenderContext): readonly Volume[] {
  if (!usesIstiodCa(context.effective)) return [];
  return sharedMembers(context, 'root certificate volume', () => makeRootCertificateVolume(context.effective));
}

function makeRootCertificateVolume(effective: Effective): Volume[] {
  const { clusterTrustBundle, global } = effective.facts.values;
  if (!clusterTrustBundle) {
    return [{ name: 'istiod-ca-cert', configMap: { name: global.trustBundleName || 'istio-ca-root-cert' } }];
  }
  const bundle = { name: `istio.io:istiod-ca:${global.trustBundleName || 'root-cert'}`, path: 'root-cert.pem' };
  return [{ name: 'istiod-ca-cert', projected: { sources: [{ clusterTrustBundle: bundle }] } }];
}

function meshCertificateVolume({ effective, view }: RenderContext): Volume[] {
  if (!effective.facts.values.global.mountMtlsCerts) return [];
  const secretName = `istio.${view.spec.serviceAccountName || 'default'}`;
  return [{ name: 'istio-certs', secret: { optional: true, secretName } }];
}

function userVolumes({ annotations }: Effective): Volume[] {
  return (annotations.userVolume ?? []).map(([name, source]) => ({ name, ...source }));
}

/** Folder of the certificate for the tracing back end, up to its last slash; undefined where there is none to mount. */
function tracingCertificateFolder({ facts, proxyConfig }: Effective): string | undefined {
  const settings = proxyConfig.tracing?.tlsSettings;
  if (facts.values.global.proxy.tracer !== 'lightstep' || settings === undefined) return undefined;
  const file = settings.caCertificates ?? '';
  return file.slice(0, file.lastIndexOf('/') + 1);
}
