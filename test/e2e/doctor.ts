// Answers: what does `pillion doctor` say about a cluster.
import type { Cluster } from './cluster.ts';

export interface Finding {
  readonly finding: string;
  readonly what: string;
  readonly remedy: string;
}

export interface Diagnosis {
  readonly exitCode: number;
  readonly found: readonly Finding[];
  /** Names of the findings, in their order. */
  readonly findings: readonly string[];
  /** What was found and what to do, by the name of the finding. */
  readonly texts: Readonly<Record<string, string>>;
  /** All of it, for messages of tests. */
  readonly all: string;
}

interface Check {
  readonly findings?: readonly Finding[];
}

/** Of all namespaces, or of one and its pods. */
export async function askDoctor(cluster: Cluster, namespace?: string): Promise<Diagnosis> {
  const within = namespace === undefined ? [] : ['--namespace', namespace];
  const { code, stdout, stderr } = await cluster.pillion(['doctor', '-o', 'json', ...within]);
  if (stdout === '') throw new Error(`Cannot ask the doctor: ${stderr}`);
  const { checks } = JSON.parse(stdout) as { readonly checks: readonly Check[] };
  const found = checks.flatMap((check) => check.findings ?? []);
  return {
    exitCode: code,
    found,
    findings: found.map(({ finding }) => finding),
    texts: Object.fromEntries(found.map(({ finding, what, remedy }) => [finding, `${what} → ${remedy}`])),
    all: stdout,
  };
}
