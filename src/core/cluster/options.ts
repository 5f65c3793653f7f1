// Answers: how is the installation told to behave: ConfigMap pillion-options, key options.yaml. One table; the document
// that `install` writes first and docs/options.md are made from it.
// Does not belong here: what Istio's own settings say (configuration/).
import { z } from 'zod';
import { freeze } from '../model/freeze.ts';
import { isObject, type JsonObject } from '../model/json.ts';
import { shown } from '../model/plain-text.ts';
import { fail, ok, type Problem, type Result } from '../model/problem.ts';
import { boolean, dnsLabel, dnsLabels, duration, oneOf } from './option-fields.ts';
import { wasm } from './wasm-options.ts';

const certificates = z
  .strictObject(
    {
      source: oneOf(['managed', 'cert-manager', 'external'], 'managed').describe(
        'Who makes the certificate of the webhook: `pillion control` (managed); cert-manager, which writes the Secret and the caBundle; or somebody who writes the Secret with tls.crt, tls.key and ca.crt (external).',
      ),
      // what is left at two thirds must be long enough for a kubelet to bring the new one, and to wait for an authority
      leafLifetime: duration('168h', { least: '1h' }).describe(
        'How long a certificate is valid, at least `1h`; it is renewed at two thirds of it.',
      ),
      authorityLifetime: duration('365d', { least: '1d' }).describe(
        'How long an authority is valid, at least `1d`; its successor comes at two thirds of it.',
      ),
      overlap: duration('24h').describe(
        'How long an authority stays trusted after the last certificate that it signed was replaced.',
      ),
      settle: duration('60s', { most: '10m' }).describe(
        'How long a new authority is in the registration before a certificate of it is served, at most `10m`.',
      ),
    },
    'must be a mapping',
  )
  .prefault({})
  .describe('The certificate that the webhook shows.');

/** Every option with its default, what it means and what is allowed. */
export const optionsSchema = z.strictObject(
  {
    revision: dnsLabel
      .default('default')
      .describe('Revision of the control plane whose settings are used: label `istio.io/rev` of namespaces and pods.'),
    tags: dnsLabels('revision tags').describe(
      'Further names that namespaces and pods may ask for in `istio.io/rev`: revision tags that point to the revision.',
    ),
    onlyTags: boolean
      .default(false)
      .describe(
        "Answer to the tags alone and not to the revision itself, so that istiod's own webhook can go on answering to that while namespaces move one by one.",
      ),
    istioNamespace: dnsLabel
      .default('istio-system')
      .describe('Where the ConfigMaps `istio` and `istio-sidecar-injector` of the control plane are.'),
    namespacesByDefault: boolean
      .default(false)
      .describe("Inject also where no label says anything; Istio's `enableNamespacesByDefault`."),
    excludedNamespaces: dnsLabels('namespaces').describe(
      'Namespaces that the webhook is never called for, besides those of the system and our own.',
    ),
    failurePreset: oneOf(['strict', 'safe-start'], 'strict').describe(
      'What happens to pods while no webhook answers: strict refuses them; safe-start lets them start without a sidecar, and the guard tells of them.',
    ),
    guard: z
      // YAML takes off for false
      .preprocess((value) => (value === false ? 'off' : value), oneOf(['off', 'warn', 'deny'], 'warn'))
      .describe(
        'What the policy does about a pod that should have a sidecar and has none, or one that would never end: nothing; a warning and an audit annotation; or refuse it.',
      ),
    timeoutSeconds: z
      .int('must be a whole number of seconds from 1 to 30')
      .min(1, 'must be a whole number of seconds from 1 to 30')
      .max(30, 'must be a whole number of seconds from 1 to 30')
      .default(5)
      .describe('How long the API server waits for an answer.'),
    native: z
      .preprocess(
        (value) => (typeof value === 'boolean' ? String(value) : value),
        oneOf(['auto', 'true', 'false'], 'auto'),
      )
      .describe('Native sidecars: as the cluster allows them, always, never.'),
    nativeMinimumKubelet: z
      .string('must be a version from 1.29 to 1.33 in quotes')
      .regex(/^1\.(29|3[0-3])$/, 'must be a version from 1.29 to 1.33 in quotes')
      .default('1.33')
      .describe('Oldest kubelet that counts as able to run native sidecars; before 1.33 its feature gate can be off.'),
    jobCompletion: boolean
      .default(false)
      .describe(
        'End plain sidecars of pods whose own containers have all ended for good, so that Jobs complete without native sidecars too (docs/job-completion.md). `pillion control` needs further rights for it.',
      ),
    platform: oneOf(['kubernetes', 'openshift'], 'kubernetes').describe(
      'Platform: on openshift the user of the proxy comes from the namespace.',
    ),
    compliancePolicy: z
      .string('must be a text')
      .max(63, 'must have at most 63 characters')
      .default('')
      .describe('`COMPLIANCE_POLICY` of the control plane: fips-140-3.'),
    certificates,
    wasm,
  },
  'must be a mapping',
);

/**
 * Options that objects of `install` follow from: whoever changes one in the ConfigMap itself runs it again. Of
 * `certificates` the source, and what cert-manager is told.
 */
export const installedOptions = [
  'revision',
  'istioNamespace',
  'nativeMinimumKubelet',
  'jobCompletion',
  'certificates',
  'wasm',
] as const satisfies readonly (keyof ClusterOptions)[];

/** The options, each with its value; durations in seconds. */
export type ClusterOptions = z.output<typeof optionsSchema>;

/**
 * Reads the parsed document; an absent or empty one is all defaults. Unknown keys are problems: a misspelt option would
 * otherwise be one that does nothing.
 * @returns the options, frozen, or every problem, with paths such as `certificates.leafLifetime`
 */
export function readOptions(document: unknown): Result<ClusterOptions> {
  const read = optionsSchema.safeParse(document ?? {});
  if (read.success && read.data.onlyTags && read.data.tags.length === 0) {
    return fail([{ path: 'onlyTags', value: 'true', expected: 'needs at least one tag in tags' }]);
  }
  if (read.success) return ok(freeze(read.data));
  return fail(read.error.issues.flatMap((issue) => problemsOf(issue, document)));
}

/** The values of the label `istio.io/rev` that are answered, each once. */
export function answeredRevisions({
  revision,
  tags,
  onlyTags,
}: Pick<ClusterOptions, 'revision' | 'tags' | 'onlyTags'>): readonly string[] {
  return [...new Set(onlyTags ? tags : [revision, ...tags])];
}

function problemsOf(issue: z.core.$ZodIssue, document: unknown): readonly Problem[] {
  const path = issue.path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .slice(1);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: path === '' ? key : `${path}.${key}`,
      value: undefined,
      expected: 'there is no such option; see docs/options.md',
    }));
  }
  const value = issue.path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as JsonObject)[String(key)] : undefined),
    isObject(document) ? document : undefined,
  );
  return [{ path, value: value === undefined ? undefined : shown(value), expected: issue.message }];
}
