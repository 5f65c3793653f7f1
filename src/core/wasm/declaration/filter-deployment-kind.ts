// Answers: how do the old FilterDeployment objects of wasme get into an API server of today. Its own definition is of a
// version that no API server takes any more. As open as it was: what is in it is judged when it is read.
// Does not belong here: what becomes of such an object (filter-deployment.ts).
import { resources } from '../../cluster/resources.ts';
import { kindObject, kindSchema } from './kind-object.ts';
import { mapping, open, text, whole } from './schema.ts';

const filter = mapping(
  {
    id: text(253),
    image: text(1_000),
    config: open({ description: 'A text, an object, or a google.protobuf.Any of StringValue, BytesValue or Struct.' }),
    rootID: text(256),
    patchContext: text(32),
    imagePullOptions: mapping({
      pullSecret: text(253),
      insecureSkipVerify: { type: 'boolean' },
      plainHttp: { type: 'boolean' },
    }),
  },
  open(),
);

const istio = mapping(
  {
    kind: text(32),
    labels: { type: 'object', additionalProperties: text(63) },
    istioNamespace: text(63),
  },
  open(),
);

const status = mapping({
  observedGeneration: whole({ format: 'int64' }),
  reason: text(4_096),
  workloads: {
    type: 'object',
    additionalProperties: mapping({ state: text(32), reason: text(1_024) }),
  },
});

export const filterDeploymentKind = kindObject(resources.filterDeployments, {
  singular: 'filterdeployment',
  shortNames: [],
  hasStatus: true,
  schema: kindSchema('A filter of wasme; Pillion makes a WasmExtension of it.', {
    spec: mapping({ filter, deployment: mapping({ istio }, open()) }, open()),
    status,
  }),
  columns: [
    { name: 'Image', type: 'string', jsonPath: '.spec.filter.image' },
    { name: 'Reason', type: 'string', jsonPath: '.status.reason' },
  ],
});
