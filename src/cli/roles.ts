// Answers: which long-running processes can the command line become, and what does it tell them. main.ts loads a role
// only when it is asked for, so that `pillion inject` starts without a server in memory.
import type { KubeOptions } from '../edge/kube/client.ts';
import type { KubeConnection } from '../edge/kube/plain-client.ts';
import type { SettingsSources } from '../edge/settings-files.ts';

/** What the command line says about the server. */
export interface ServeOptions {
  /** `host:port` or `:port`. */
  readonly listen: string;
  readonly managementListen: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** Directory for a certificate of its own making. */
  readonly selfSigned?: string;
  readonly drainDelayMs: number;
  readonly logLevel: string;
  /** Beside `cluster` no files, only options that stand for themselves. */
  readonly sources: SettingsSources;
  /** The cluster whose settings are followed; files are where it is absent. */
  readonly cluster?: KubeOptions;
}

/** Serves until it is told to stop; returns the exit code. */
export type ServeRole = (options: ServeOptions) => Promise<number>;

/** What the command line says about the controller. */
export interface ControlOptions {
  readonly cluster: KubeOptions;
  readonly managementListen: string;
  readonly logLevel: string;
  /** `host:port` of the Service of the webhook. */
  readonly serviceAddress: string;
}

/** Runs until it is told to stop; returns the exit code. */
export type ControlRole = (options: ControlOptions) => Promise<number>;

/** What the command line says about the node agent. */
export interface AgentOptions {
  readonly connection: KubeConnection;
  /** Name of the node. */
  readonly node: string;
  /** Directory on the node. */
  readonly store: string;
  readonly managementListen: string;
  readonly logLevel: string;
  readonly times: { readonly lookMs: number; readonly rehashMs: number; readonly mostWaitMs: number };
}

/** Runs until it is told to stop; returns the exit code. */
export type AgentRole = (options: AgentOptions) => Promise<number>;

export interface Roles {
  readonly serve: ServeRole;
  readonly control: ControlRole;
  readonly agent: AgentRole;
}
