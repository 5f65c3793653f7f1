// Answers: what do the cluster's own settings say, once read: injector values, mesh config, injector configuration.
// Does not belong here: how they are read and checked (settings/).
import type { JsonObject } from './json.ts';
import type { PodOverlay, StringMap } from './pod.ts';

/**
 * The injector values that injection uses, under the names that the chart gives them. Where the chart takes a number or
 * a boolean for something that ends up as text (a port in an argument), it is text here already.
 */
export interface Values {
  readonly revision: string;
  readonly global: {
    readonly hub: string;
    readonly tag: string;
    readonly variant: string;
    readonly imagePullPolicy: string;
    readonly imagePullSecrets: readonly string[];
    readonly istioNamespace: string;
    readonly caAddress: string;
    readonly caName: string;
    readonly meshID: string;
    readonly network: string;
    readonly trustBundleName: string;
    readonly trustDomain: string;
    readonly clusterName: string;
    readonly pilotCertProvider: string;
    readonly mountMtlsCerts: boolean;
    readonly tokenAudience: string;
    readonly stsServicePort: number;
    readonly logAsJson: boolean;
    readonly logLevel: string;
    readonly nativeNftables: boolean;
    readonly proxyInit: { readonly image: string; readonly forceApplyIptables: boolean };
    readonly proxy: ProxyValues;
  };
  readonly cni: { readonly enabled: boolean; readonly provider: string };
  readonly clusterTrustBundle: boolean;
  readonly crlConfigMapName: string;
  readonly gatewaySecurityContext: JsonObject | undefined;
  readonly rewriteAppHTTPProbe: boolean;
}

export interface ProxyValues {
  readonly image: string;
  readonly clusterDomain: string;
  readonly logLevel: string;
  readonly componentLogLevel: string;
  readonly includeInboundPorts: string;
  readonly excludeInboundPorts: string;
  readonly includeIPRanges: string;
  readonly excludeIPRanges: string;
  readonly includeOutboundPorts: string;
  readonly excludeOutboundPorts: string;
  readonly statusPort: string;
  readonly readinessInitialDelaySeconds: number;
  readonly readinessPeriodSeconds: number;
  readonly readinessFailureThreshold: number;
  readonly startupProbe: { readonly enabled: boolean; readonly failureThreshold: number };
  readonly privileged: boolean;
  /** Without nulls; undefined where nothing is left. */
  readonly resources: JsonObject | undefined;
  readonly seccompProfile: JsonObject | undefined;
  readonly tracer: string;
  readonly outlierLogPath: string;
  readonly lifecycle: JsonObject | undefined;
  readonly holdApplicationUntilProxyStarts: boolean;
  readonly capNetBindService: string;
}

export type InterceptionMode = 'REDIRECT' | 'TPROXY' | 'NONE';

/**
 * A proxy configuration (istio.mesh.v1alpha1.ProxyConfig) as proto JSON: camelCase names, enums by name, durations as
 * text, plain fields absent when zero, wrapper fields present when set. Fields that injection reads are named.
 */
export type ProxyConfig = JsonObject & {
  readonly concurrency?: number;
  readonly interceptionMode?: InterceptionMode;
  readonly proxyMetadata?: StringMap;
  readonly holdApplicationUntilProxyStarts?: boolean;
  readonly statusPort?: number;
  readonly image?: { readonly imageType?: string };
  readonly tracing?: JsonObject & { readonly tlsSettings?: { readonly caCertificates?: string } };
};

/** What injection reads of the mesh config. */
export interface MeshConfig {
  readonly proxyListenPort: number;
  readonly proxyInboundListenPort: number;
  readonly trustDomain: string;
  readonly rootNamespace: string;
  readonly enablePrometheusMerge: boolean;
  readonly inboundTrafficPolicy: 'PASSTHROUGH' | 'LOCALHOST';
  /** Some OpenTelemetry provider asks for service attributes by the semantic conventions. */
  readonly enrichesServiceAttributes: boolean;
  /** The built-in defaults with the mesh's defaultConfig over them. */
  readonly defaultConfig: ProxyConfig;
}

/** A Kubernetes label selector, checked. */
export interface LabelSelector {
  readonly matchLabels: StringMap;
  readonly matchExpressions: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values: readonly string[];
  }[];
}

/** The injector configuration: key `config` of ConfigMap istio-sidecar-injector. */
export interface InjectorConfig {
  /** `enabled` or `disabled`; with any other text nothing is injected, as at the peer. */
  readonly policy: string;
  readonly defaultTemplates: readonly string[];
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  readonly neverInjectSelector: readonly LabelSelector[];
  readonly alwaysInjectSelector: readonly LabelSelector[];
  readonly injectedAnnotations: StringMap;
}

/** Custom templates by name. */
export type CustomTemplates = ReadonlyMap<string, PodOverlay>;
