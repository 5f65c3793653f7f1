// Answers: what does `pillion doctor` say about a cluster.
import type { Cluster } from './cluster.ts';

export interface Diagnosis {
  readonly exitCode: number;
  /** Names of the findings, in their order. */
  readonly findings: readonly string[];
  /** What was found and what to do, by the name of the finding. */
  readonly texts: Readonly<Record<string, string>>;
  /** All of it, for messages of tests. */
  readonly all: string;
}

interface Check {
  readonly findings?: readonly { readonly finding: string; readonly what: string; readonly remedy: string }[];
}

/** Of all namespaces, or of one and its pods. */
export async function askDoctor(cluster: Cluster, namespace?: string): Promise<Diagnosis> {
  const within = namespace === undefined ? [] : ['--namespace', namespace];
  const { code, stdout, stderr } = await cluster.pillion(['doctor', '-o', 'json', ...within]);
  if (stdout === '') throw new Error(`Cannot ask the doctor: ${stderr}`);
  const { checks } = JSON.parse(stdout) as { readonly checks: readonly Check[] };
  const findings = checks.flatMap((check) => check.findings ?? []);
  return {
    exitCode: code,
    findings: findings.map(({ finding }) => finding),
    texts: Object.fromEntries(findings.map(({ finding, what, remedy }) => [finding, `${what} → ${remedy}`])),
    all: stdout,
  };
}
