// Answers: does a real proxy load the filter and answer through it. Skipped where there is no Envoy: put it on the PATH, or
// name it with ENVOY=/path/to/envoy.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const envoy = process.env.ENVOY ?? 'envoy';
const isThere = spawnSync(envoy, ['--version']).status === 0;
const options = { skip: isThere ? false : 'no Envoy; put it on the PATH, or name it with ENVOY', timeout: 30_000 };
const plugin = process.env.PLUGIN ?? fileURLToPath(new URL('../build/plugin.wasm', import.meta.url));

const text = (value) => ({ '@type': 'type.googleapis.com/google.protobuf.StringValue', value });

/** A listener that answers every request itself, through the filter. */
function bootstrap(configuration) {
  const wasm = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm',
    config: {
      configuration: text(configuration),
      vm_config: { runtime: 'envoy.wasm.runtime.v8', code: { local: { filename: plugin } } },
    },
  };
  const router = { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' };
  const route = { match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'ok' } } };
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'test',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }] },
    http_filters: [
      { name: 'wasm', typed_config: wasm },
      { name: 'router', typed_config: router },
    ],
  };
  const address = { socket_address: { address: '127.0.0.1', port_value: 0 } };
  const filters = [{ name: 'http', typed_config: manager }];
  return {
    admin: { address },
    static_resources: { listeners: [{ name: 'test', address, filter_chains: [{ filters }] }] },
    stats_config: { stats_tags: [] },
    bootstrap_extensions: [],
  };
}

/** Runs the work with the listener's URL and the admin's; what Envoy wrote is in the error where it ends before. */
async function withEnvoy(configuration, work) {
  const directory = await mkdtemp(join(tmpdir(), 'add-header-'));
  const [config, admin] = [join(directory, 'envoy.json'), join(directory, 'admin')];
  await writeFile(config, JSON.stringify(bootstrap(configuration)));
  const args = ['-c', config, '--admin-address-path', admin, '--concurrency', '1', '--use-dynamic-base-id'];
  const child = spawn(envoy, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    log += chunk;
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  try {
    for (;;) {
      if (child.exitCode !== null) throw new Error(log);
      const adminUrl = await readFile(admin, 'utf8').then((host) => `http://${host.trim()}`, () => undefined);
      const listener = adminUrl && (await listenerOf(adminUrl));
      if (listener) return await work(listener, adminUrl);
      await setTimeout(50);
    }
  } finally {
    child.kill();
    await ended;
    await rm(directory, { recursive: true });
  }
}

async function listenerOf(adminUrl) {
  const ready = await fetch(`${adminUrl}/ready`).catch(() => undefined);
  if (ready?.status !== 200) return undefined;
  const { listener_statuses: found = [] } = await (await fetch(`${adminUrl}/listeners?format=json`)).json();
  const port = found.find(({ name }) => name === 'test')?.local_address?.socket_address?.port_value;
  return port && `http://127.0.0.1:${port}/`;
}

test('Envoy answers with the header, and shows the counter', options, async () => {
  await withEnvoy('{"name": "x-greeting", "value": "hi", "version": "2"}', async (url, adminUrl) => {
    const response = await fetch(url);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('x-greeting'), 'hi');
    assert.equal(response.headers.get('x-filter-version'), '2');
    const metrics = await (await fetch(`${adminUrl}/stats/prometheus`)).text();
    assert.match(metrics, /^add_header_responses_total(\{\})? 1$/m);
  });
});

test('Envoy takes a plain text', options, async () => {
  await withEnvoy('tomorrow', async (url) => {
    assert.equal((await fetch(url)).headers.get('hello'), 'tomorrow');
  });
});

test('Envoy does not start with a configuration that the filter refuses', options, async () => {
  await assert.rejects(
    withEnvoy('{"value": 1}', async () => undefined),
    /Cannot use the configuration/,
  );
});
