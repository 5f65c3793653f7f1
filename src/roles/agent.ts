// Answers: how does the node agent run, from its options to its exit code.
// Does not belong here: what it keeps (agent-modules.ts), the command line (cli/agent.ts). Nothing that takes much memory
// may be imported from here: no client library, no schema library, no YAML, no express (docs/decisions/0011).
import { watch } from 'node:fs';
import manifest from '../../package.json' with { type: 'json' };
import { resources } from '../core/cluster/resources.ts';
import { isObject } from '../core/model/json.ts';
import { quoted } from '../core/model/problem.ts';
import type { StoreStatus } from '../core/wasm/extension.ts';
import { type AgentTelemetry, createAgentTelemetry } from '../edge/agent-telemetry.ts';
import { connectPlainly, type KubeConnection, type PlainKube } from '../edge/kube/plain-client.ts';
import { listen, readAddress } from '../edge/listen-address.ts';
import type { Condition } from '../edge/management.ts';
import { createPlainLog, type PlainLogLevel, plainLogLevels } from '../edge/plain-log.ts';
import { createPlainManagement } from '../edge/plain-management.ts';
import { storePaths } from '../edge/store/store-paths.ts';
import { type Keeper, type KeeperTimes, startKeeper } from './agent-modules.ts';
import { createReporter } from './agent-report.ts';
import { followWishes } from './agent-wishes.ts';
import { listenForStop, type SignalSource } from './lifecycle.ts';

export interface AgentOptions {
  readonly connection: KubeConnection;
  /** Name of the node, and of its WasmStore. */
  readonly node: string;
  /** Directory on the node. */
  readonly store: string;
  /** `host:port` or `:port`; port 0 takes one that is free. */
  readonly managementListen: string;
  /** One of `plainLogLevels` (edge/plain-log.ts). */
  readonly logLevel: string;
  readonly times: KeeperTimes;
}

export interface AgentIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

const done = 0;
const unusable = 2;
const fieldManager = 'pillion-agent';
/** The report is compared with what stands in the cluster after so long: somebody may have removed it. */
const compareMs = 5 * 60_000;

/**
 * Runs until SIGTERM or SIGINT, and ends at once then: what is half written is of no worth, and nothing else is lost.
 * @returns the exit code: 0 after that; 2, with one line for each problem, where the options cannot be used
 */
export async function agent(options: AgentOptions, io: AgentIo, signals: SignalSource = process): Promise<number> {
  const stop = listenForStop(signals); // first, so that a signal during the start is not lost
  const address = readAddress(options.managementListen, '--management-listen');
  const level = plainLogLevels.find((one) => one === options.logLevel);
  if (!address.ok || level === undefined) {
    io.stderr.write(`${address.ok ? wrongLevel(options.logLevel) : address.error}\n`);
    return unusable;
  }
  const telemetry = createAgentTelemetry(createPlainLog(level satisfies PlainLogLevel, io.stdout));
  const conditions = new Map<string, Condition>();
  const management = createPlainManagement({
    conditions: () => [...conditions.values()],
    printMetrics: telemetry.metrics.print,
  });
  const listening = await listen(management, address.value, '--management-listen');
  if (!listening.ok) {
    io.stderr.write(`${listening.error}\n`);
    return unusable;
  }
  telemetry.log.info({ managementUrl: `http://${listening.value}`, node: options.node }, 'ready');
  const closing = new AbortController();
  const work = startWork(options, { telemetry, conditions, kube: connectPlainly(options.connection) }, closing.signal);
  await stop.asked;
  closing.abort();
  work.close();
  telemetry.log.info({}, 'stopped');
  management.close();
  management.closeAllConnections();
  stop.release();
  return done;
}

function wrongLevel(text: string): string {
  return `Cannot use --log-level ${quoted(text)}: there is no such level; use one of ${plainLogLevels.join(', ')}`;
}

interface Running {
  readonly telemetry: AgentTelemetry;
  readonly conditions: Map<string, Condition>;
  readonly kube: PlainKube;
}

function startWork(options: AgentOptions, { telemetry, conditions, kube }: Running, signal: AbortSignal) {
  const { node, store, times } = options;
  const paths = storePaths(store);
  const condition = (name: string, reason: string | undefined, good: string): void => {
    conditions.set(name, { name, isMet: reason === undefined, reason: reason ?? good });
  };
  for (const name of ['wishes', 'store', 'report']) condition(name, 'not yet', '');
  let keeper: Keeper | undefined;
  const reporter = createReporter(
    {
      write: async (status) => {
        const nodeUID = await uidOfNode(kube, node);
        await kube.apply(storeObject(node, { ...status, ...(nodeUID && { nodeUID }) }), { fieldManager });
      },
      written: () => {
        condition('report', undefined, 'written');
        telemetry.trouble('report', undefined);
      },
      failed: (error) => {
        const reason = error instanceof Error ? error.message : String(error);
        condition('report', reason, '');
        telemetry.trouble('report', reason);
      },
    },
    signal,
  );
  const wishes = followWishes(kube, {
    changed: () => {
      condition('wishes', wishes.missing(), 'known');
      keeper?.wake();
    },
    optionsChanged: () => keeper?.retryAll(),
    trouble: telemetry.trouble,
  });
  keeper = startKeeper(
    {
      paths,
      kube,
      agentVersion: manifest.version,
      telemetry,
      wishes: wishes.current,
      tell: reporter.tell,
      usable: (reason) => {
        condition('store', reason, 'in use');
        if (reason === undefined) telemetry.trouble('store', undefined);
      },
      times,
    },
    signal,
  );
  const eyes = watchStore([paths.byDigest, paths.extensions], keeper.wake);
  const comparing = setInterval(() => void compare(kube, node, reporter.forget), compareMs);
  return {
    close: () => {
      clearInterval(comparing);
      eyes.close();
      wishes.close();
    },
  };
}

function storeObject(node: string, status: StoreStatus) {
  const { apiVersion, kind } = resources.wasmStores;
  return { apiVersion, kind, metadata: { name: node }, status };
}

/** Undefined where the node is not registered. Asked before each report: a kubelet may register its node anew. */
async function uidOfNode(kube: PlainKube, node: string): Promise<string | undefined> {
  return (await kube.get(resources.nodes, node))?.metadata.uid;
}

/** A report that is gone, or of a node that was registered before this one, is written again. */
async function compare(kube: PlainKube, node: string, forget: () => void): Promise<void> {
  try {
    const status = (await kube.get(resources.wasmStores, node))?.['status'];
    if (!isObject(status) || status['nodeUID'] !== (await uidOfNode(kube, node))) forget();
  } catch {
    // the next report tells of the trouble
  }
}

/** Told soon of what somebody does to the files; what is not told, the next look finds. */
function watchStore(directories: readonly string[], wake: () => void) {
  let timer: NodeJS.Timeout | undefined;
  let watchers: { close(): void }[] = [];
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(wake, 200);
  };
  const open = (): void => {
    for (const watcher of watchers) watcher.close();
    watchers = directories.flatMap((directory) => {
      try {
        return [watch(directory, { persistent: false }, soon).on('error', () => {})];
      } catch {
        return []; // not there yet, or no watches left
      }
    });
  };
  const opening = setTimeout(open, 1_000);
  const reopening = setInterval(open, 60_000);
  return {
    close: () => {
      for (const one of [timer, opening, reopening]) clearTimeout(one);
      for (const watcher of watchers) watcher.close();
    },
  };
}
