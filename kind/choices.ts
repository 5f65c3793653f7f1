// Answers: which Kubernetes, which Istio, which images. Every variable with its public default, and the versions of
// Kubernetes that there is a cluster for; a machine that has other images or charts sets the variables.
// Does not belong here: what is done with them (cluster.ts, images.ts, mesh.ts).
import { CommandError } from './run.ts';

/** One row for each variable that may be set. */
export interface Variable {
  readonly name: string;
  /** What holds where it is not set; empty where nothing does. */
  readonly fallback: string;
  readonly doc: string;
}

const rows = {
  nodeImage: {
    name: 'KIND_NODE_IMAGE',
    fallback: '',
    doc: 'Image of the node, in place of that of the table of versions.',
  },
  nodeImageOld: { name: 'KIND_NODE_IMAGE_OLD', fallback: '', doc: 'The same for KUBERNETES=old.' },
  kindConfig: { name: 'KIND_CONFIG', fallback: '', doc: "File of kind's that is merged over the cluster's own." },
  istioCharts: {
    name: 'ISTIO_CHARTS',
    fallback: 'https://istio-release.storage.googleapis.com/charts',
    doc: 'Helm repository, or the folder manifests/charts of an Istio release.',
  },
  istioTag: {
    name: 'ISTIO_TAG',
    fallback: '1.30.4',
    doc: "Release of Istio: the charts' version and the images' tag.",
  },
  istioValues: {
    name: 'ISTIO_VALUES',
    fallback: '',
    doc: 'File of Helm values that is merged over kind/istio-values.yaml.',
  },
  baseImage: {
    name: 'PILLION_BASE_IMAGE',
    fallback: 'node:24-bookworm-slim',
    doc: "Image that Pillion's is built on: Node 24.",
  },
  registryImage: {
    name: 'KIND_REGISTRY_IMAGE',
    fallback: 'registry:3',
    doc: 'Registry that the Wasm demo and its tests push to: CNCF distribution.',
  },
  cosign: { name: 'COSIGN', fallback: 'cosign', doc: 'Program that signs images, of version 3.' },
} as const satisfies Readonly<Record<string, Variable>>;

export const variables: readonly Variable[] = Object.values(rows);

/** A version of Kubernetes that `make kind-up KUBERNETES=…` knows. */
export interface Version {
  readonly kubernetes: string;
  /** By digest: the same tag is built anew for other releases of kind. */
  readonly image: string;
  /** File in kind/. */
  readonly config: string;
  readonly variable: Variable;
}

const current = { config: 'cluster.yaml', variable: rows.nodeImage };

export const versions: readonly Version[] = [
  {
    kubernetes: '1.35',
    image: 'kindest/node:v1.35.0@sha256:452d707d4862f52530247495d180205e029056831160e22870e37e3f6c1ac31f',
    ...current,
  },
  {
    kubernetes: '1.34',
    image: 'kindest/node:v1.34.0@sha256:7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a',
    ...current,
  },
  {
    kubernetes: '1.33',
    image: 'kindest/node:v1.33.4@sha256:25a6018e48dfcaee478f4a59af81157a437f15e6e140bf103f85a2e7cd0cbbf2',
    ...current,
  },
  {
    kubernetes: '1.32',
    image: 'kindest/node:v1.32.8@sha256:abd489f042d2b644e2d033f5c2d900bc707798d075e8186cb65e3f1367a9d5a1',
    ...current,
  },
  {
    kubernetes: '1.31',
    image: 'kindest/node:v1.31.12@sha256:0f5cc49c5e73c0c2bb6e2df56e7df189240d83cf94edfa30946482eb08ec57d2',
    ...current,
  },
  {
    kubernetes: '1.28',
    image: 'kindest/node:v1.28.15@sha256:a7c05c7ae043a0b8c818f5a06188bc2c4098f6cb59ca7d1856df00375d839251',
    config: 'cluster-1.28.yaml',
    variable: rows.nodeImage,
  },
  {
    kubernetes: 'old',
    image: 'kindest/node:v1.32.8@sha256:abd489f042d2b644e2d033f5c2d900bc707798d075e8186cb65e3f1367a9d5a1',
    config: 'cluster-old.yaml',
    variable: rows.nodeImageOld,
  },
];

export const defaultKubernetes = '1.34';

/** What was chosen, by the variables or their defaults. */
export interface Choices {
  readonly kubernetes: string;
  readonly nodeImage: string;
  /** File in kind/ that fits the version. */
  readonly config: string;
  /** File that is merged over it. */
  readonly kindConfig: string | undefined;
  /** Folder or address. */
  readonly istioCharts: string;
  readonly istioTag: string;
  readonly istioValues: string | undefined;
  readonly baseImage: string;
  readonly registryImage: string;
  readonly cosign: string;
}

/**
 * @param kubernetes a version of the table, such as `1.31` or `old`; without it the one that the node image names, else the default
 * @throws CommandError where there is no such version, or the node image that is set is of another one
 */
export function readChoices(environment: Readonly<Record<string, string | undefined>>, kubernetes?: string): Choices {
  const asked = kubernetes || undefined; // make passes an empty text where nothing was said
  const chosen = ({ name, fallback }: Variable): string => environment[name] || fallback;
  const version = versions.find((one) => one.kubernetes === (asked ?? defaultKubernetes));
  if (version === undefined) {
    const known = versions.map((one) => one.kubernetes).join(', ');
    throw new CommandError(`Cannot take Kubernetes "${asked}": there is no cluster for it; known are ${known}`);
  }
  const given = chosen(version.variable);
  const tagged = /:v(\d+\.\d+)[.\d]*(@|$)/.exec(given)?.[1];
  if (asked !== undefined && asked !== 'old' && tagged !== undefined && tagged !== asked) {
    throw new CommandError(
      `Cannot take node image "${given}" for Kubernetes ${asked}: it is of ${tagged}; unset ${version.variable.name}, or let it name an image of ${asked}`,
    );
  }
  return {
    kubernetes: asked ?? tagged ?? version.kubernetes,
    nodeImage: given || version.image,
    config: version.config,
    kindConfig: chosen(rows.kindConfig) || undefined,
    istioCharts: chosen(rows.istioCharts),
    istioTag: chosen(rows.istioTag),
    istioValues: chosen(rows.istioValues) || undefined,
    baseImage: chosen(rows.baseImage),
    registryImage: chosen(rows.registryImage),
    cosign: chosen(rows.cosign),
  };
}
