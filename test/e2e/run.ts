// Answers: what does `make e2e` do: clusters, stages of tests, totals, and everything gone again.
// ARGS=<words> takes the files whose path contains one of them; KEEP=1 leaves the clusters, and the namespaces of failed
// tests. Exit codes: 0 all passed; 1 something failed; 2 there is nothing to run, or not with what; 130 it was interrupted.
import { existsSync, rmSync } from 'node:fs';
import { relative } from 'node:path';
import { run as runFiles } from 'node:test';
import { requirePrograms } from '../../kind/run.ts';
import { stepsOn } from '../../kind/steps.ts';
import { kubeconfigVariables } from './cluster.ts';
import { evidenceDirectory } from './collect.ts';
import { createReport, type Report } from './report.ts';
import { type ChosenStage, chooseStages } from './stages.ts';
import { type TestClusters, testClusters } from './test-clusters.ts';

const isKept = process.env['KEEP'] === '1';
/** Of one test; each of its waits has a shorter deadline of its own. */
const longestTestMs = 480_000;

async function main(words: readonly string[]): Promise<number> {
  const stages = chooseStages(words);
  if (stages.length === 0) {
    process.stderr.write(`Cannot run end-to-end tests: no file has "${words.join('" or "')}" in its path\n`);
    return 2;
  }
  await requirePrograms();
  rmSync(evidenceDirectory, { recursive: true, force: true });
  const report = createReport(process.stdout);
  const { signal } = interruptible();
  const clusters = testClusters(stepsOn(process.stdout, process.env), signal);
  try {
    for (const stage of stages) {
      if (!signal.aborted) await runStage(stage, { clusters, report, signal });
    }
  } finally {
    await leave(clusters, report);
  }
  const { failed } = await report.finish(evidenceNotes());
  if (signal.aborted) return 130;
  return failed === 0 ? 0 : 1;
}

interface Run {
  readonly clusters: TestClusters;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** A stage whose cluster cannot be made has failed. */
async function runStage(stage: ChosenStage, { clusters, report, signal }: Run): Promise<void> {
  const { title, files, concurrency } = stage;
  const started = performance.now();
  const seconds = (): string => `${Math.round((performance.now() - started) / 1000)} s`;
  try {
    if (stage.cluster === 'old' && !isKept) await clusters.remove('shared'); // two cores are few for both
    process.env[kubeconfigVariables[stage.cluster]] = await clusters.kubeconfigOf(stage.cluster);
    report.note(`${title}: the cluster is there after ${seconds()}`);
    if (stage.optionsFile !== undefined) await clusters.reinstall(stage.cluster, stage.optionsFile);
    await report.follow(runFiles({ files: [...files], concurrency, timeout: longestTestMs, signal }));
  } catch (error) {
    report.fail(`the tests ${title}`, error);
  }
  report.note(`${title}: ${seconds()}`);
}

/** Aborted by Ctrl-C; a second one ends the process at once. */
function interruptible(): AbortController {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write(isKept ? 'Ending\n' : 'Ending; the clusters are removed\n');
    controller.abort(new Error('it was interrupted'));
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, interrupt);
  return controller;
}

async function leave(clusters: TestClusters, report: Report): Promise<void> {
  if (!isKept) return clusters.remove();
  const made = clusters.names();
  if (made.length > 0) report.note(`Kept: ${made.join(', ')}; "kind delete cluster --name <NAME>" removes one`);
}

function evidenceNotes(): readonly string[] {
  if (!existsSync(evidenceDirectory)) return [];
  return [`What the cluster looked like when tests failed is in ${relative(process.cwd(), evidenceDirectory)}`];
}

try {
  process.exitCode = await main(
    process.argv
      .slice(2)
      .flatMap((one) => one.split(/\s+/))
      .filter(Boolean),
  );
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 2;
}
