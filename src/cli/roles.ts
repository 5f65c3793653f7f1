// Answers: which long-running processes can the command line become, and what does it tell them. main.ts loads a role
// only when it is asked for, so that `pillion inject` starts without a server in memory.
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
  readonly sources: SettingsSources;
}

/** Serves until it is told to stop; returns the exit code. */
export type ServeRole = (options: ServeOptions) => Promise<number>;

export interface Roles {
  readonly serve: ServeRole;
}
