// Answers: what does the definition of one of our kinds look like around its schema: one version, with columns.
// Source: Kubernetes, apiextensions.k8s.io/v1 CustomResourceDefinition.
import { ownLabels } from '../../cluster/labels.ts';
import { type Resource, resources } from '../../cluster/resources.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import type { Column, Schema } from './schema.ts';

export interface KindParts {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly schema: Schema;
  readonly columns: readonly Column[];
  readonly hasStatus: boolean;
}

/** A kind of one version. Its name is `plural.group`, as the API server demands. */
export function kindObject({ apiVersion, kind, plural, isNamespaced }: Resource, parts: KindParts): KubeObject {
  const [group = '', version = ''] = apiVersion.split('/');
  const { singular, shortNames, schema, columns, hasStatus } = parts;
  return {
    apiVersion: resources.customResources.apiVersion,
    kind: resources.customResources.kind,
    metadata: { name: `${plural}.${group}`, labels: ownLabels() },
    spec: {
      group,
      scope: isNamespaced ? 'Namespaced' : 'Cluster',
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames, categories: ['pillion'] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema },
          ...(hasStatus && { subresources: { status: {} } }),
          additionalPrinterColumns: [...columns, age],
        },
      ],
    },
  };
}

const age: Column = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

/** The schema of whole objects. */
export function kindSchema(
  description: string,
  properties: { readonly [name: string]: Schema },
  required: readonly string[] = [],
): Schema {
  const always = { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { type: 'object' } };
  return {
    type: 'object',
    description,
    ...(required.length > 0 && { required }),
    properties: { ...always, ...properties },
  };
}
