// Answers: with what is injected. The same options for inject, why and serve; they name the cluster's own settings as
// files, or say what is an environment variable of the control plane.
// Does not belong here: how the files are read (edge/settings-files.ts).
import { minimumKubelets } from '../core/model/facts.ts';
import type { SettingsSources } from '../edge/settings-files.ts';
import { listOf, type OptionRow, type OptionValues, textOf } from './command.ts';

export const settingsOptions: readonly OptionRow[] = [
  {
    name: 'values',
    value: 'FILE',
    completes: 'file',
    fallback: 'the defaults of the chart',
    doc: 'Complete injector values: key "values" of ConfigMap istio-sidecar-injector.',
  },
  {
    name: 'set',
    value: 'PATH=VALUE',
    repeatable: true,
    doc: 'One value over them, as with helm: global.proxy.logLevel=debug. "null" removes it.',
  },
  { name: 'overrides', value: 'FILE', completes: 'file', doc: 'Values to merge over them; null removes.' },
  {
    name: 'config',
    value: 'FILE',
    completes: 'file',
    fallback: 'policy enabled, no selectors',
    doc: 'Injector configuration: key "config" of ConfigMap istio-sidecar-injector.',
  },
  {
    name: 'mesh',
    value: 'FILE',
    completes: 'file',
    fallback: "Istio's defaults",
    doc: 'Mesh config: key "mesh" of ConfigMap istio.',
  },
  { name: 'templates', value: 'FILE', completes: 'file', doc: 'Custom templates: a map of name to pod overlay.' },
  {
    name: 'extensions',
    value: 'FILE',
    completes: 'file',
    fallback: 'none; with --from-cluster those of the cluster',
    doc: 'A WasmExtension, or a List of them as kubectl prints it: pods get what their Wasm modules need.',
  },
  {
    name: 'native',
    value: 'MODE',
    choices: ['auto', 'true', 'false'],
    fallback: 'auto',
    doc: 'Native sidecars. auto: as --kubelet-versions allow it, or the cluster; native where neither is given.',
  },
  {
    name: 'native-minimum-kubelet',
    value: 'VERSION',
    choices: minimumKubelets,
    fallback: '1.33',
    doc: 'Oldest kubelet that counts as able to run native sidecars; before 1.33 its feature gate can be off.',
  },
  { name: 'kubelet-versions', value: 'V1,V2', doc: 'Kubelet versions of the nodes, comma-separated: v1.34.0,v1.33.2.' },
  {
    name: 'platform',
    value: 'NAME',
    choices: ['kubernetes', 'openshift'],
    fallback: 'kubernetes',
    doc: 'Platform: on openshift the user of the proxy comes from the namespace.',
  },
  { name: 'compliance-policy', value: 'NAME', doc: 'COMPLIANCE_POLICY of the control plane: fips-140-3.' },
  { name: 'revision', value: 'NAME', fallback: 'default', doc: 'Revision to inject for.' },
];

/** Those that are documents, or laid over one. */
export const fileOptions: readonly string[] = [
  'values',
  'set',
  'overrides',
  'config',
  'mesh',
  'templates',
  'extensions',
];

/** The options as what edge/settings-files.ts takes; choices were checked by the parser. */
export function settingsSources(options: OptionValues): SettingsSources {
  const files = ['values', 'overrides', 'config', 'mesh', 'templates', 'extensions', 'revision'] as const;
  const kubeletVersions = textOf(options, 'kubelet-versions');
  const native = textOf(options, 'native');
  const nativeMinimumKubelet = textOf(options, 'native-minimum-kubelet');
  const platform = textOf(options, 'platform');
  const compliancePolicy = textOf(options, 'compliance-policy');
  return {
    ...Object.fromEntries(files.flatMap((name) => (options.has(name) ? [[name, textOf(options, name)]] : []))),
    ...(options.has('set') ? { set: listOf(options, 'set') } : {}),
    ...(kubeletVersions === undefined ? {} : { kubeletVersions: commaList(kubeletVersions) }),
    ...(native === 'auto' || native === 'true' || native === 'false' ? { native } : {}),
    ...(nativeMinimumKubelet === undefined ? {} : { nativeMinimumKubelet }),
    ...(platform === 'kubernetes' || platform === 'openshift' ? { platform } : {}),
    ...(compliancePolicy === undefined ? {} : { compliancePolicy }),
  };
}

/** The trimmed, non-empty elements of a comma-separated text. */
export function commaList(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
