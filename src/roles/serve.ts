// Answers: how does the admission webhook run, from its options to its exit code.
// Does not belong here: how it comes up (start.ts) and how it ends (lifecycle.ts); the command line (cli/serve.ts).
import manifest from '../../package.json' with { type: 'json' };
import { type LogOutput, openLogOutput } from '../edge/log.ts';
import { drain, listenForStop, type SignalSource } from './lifecycle.ts';
import { type ServeOptions, startWebhook, type Webhook } from './start.ts';

export type { ServeOptions };

/** What the server says to a person before it has a log. */
export interface ServeIo {
  readonly stderr: { write(text: string): unknown };
}

/** For tests, and for what runs a server inside its own process. */
export interface ServeHooks {
  /** Where SIGTERM, SIGINT and SIGHUP come from; the process where absent. */
  readonly signals?: SignalSource;
  /** Where log lines go; standard output where absent. */
  readonly output?: LogOutput;
  readonly onReady?: (ready: Ready) => void;
}

export interface Ready {
  /** `https://host:port`, without a path. */
  readonly url: string;
  readonly managementUrl: string;
  /** The certificate that is shown, PEM; of a self-signed one, this is what clients trust. */
  readonly caCertificate: string;
}

const done = 0;
const unusable = 2;

/**
 * Serves until SIGTERM or SIGINT, then drains.
 * @returns the exit code: 0 after a drain; 2, with one line for each problem, where options or settings cannot be used
 */
export async function serve(options: ServeOptions, io: ServeIo, hooks: ServeHooks = {}): Promise<number> {
  const { signals = process, output = openLogOutput(), onReady = () => {} } = hooks;
  const stop = listenForStop(signals); // first, so that a signal during the start is not lost
  let webhook: Webhook | undefined;
  const reload = (): void => webhook?.settings.refresh();
  signals.on('SIGHUP', reload);
  try {
    const around = { version: manifest.version, output: output.stream, stopping: abortedBy(stop.asked) };
    const started = await startWebhook(options, around);
    if (started.kind === 'stopped') return done;
    if (started.kind === 'unusable') {
      for (const line of started.problems) io.stderr.write(`${line}\n`);
      return unusable;
    }
    webhook = started.webhook;
    announce(webhook, onReady);
    await stop.asked;
    await drain({ ...webhook, log: webhook.telemetry.log, delayMs: options.drainDelayMs, impatient: stop.impatient });
    webhook.telemetry.log.info('stopped');
    return done;
  } finally {
    webhook?.close();
    signals.removeListener('SIGHUP', reload);
    stop.release();
    await output.close();
  }
}

function abortedBy(asked: Promise<void>): AbortSignal {
  const controller = new AbortController();
  void asked.then(() => controller.abort());
  return controller.signal;
}

function announce(
  { telemetry, address, managementAddress, certificate }: Webhook,
  onReady: (ready: Ready) => void,
): void {
  const [url, managementUrl] = [`https://${address}`, `http://${managementAddress}`];
  telemetry.log.info({ url: `${url}/inject`, managementUrl }, 'ready');
  onReady({ url, managementUrl, caCertificate: certificate.current().chain });
}
