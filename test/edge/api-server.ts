// Answers: how does a test reach a server of a few lines that it takes for the API server, to see what happens when that
// one does something that no real one can be brought to.
import type { AddressInfo, Server } from 'node:net';
import type { TestContext } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';

/** The configuration with which the client reaches the server, which listens on loopback until the test ends. */
export async function configOf(context: TestContext, server: Server): Promise<KubeConfig> {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  context.after(() => server.close());
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'test', server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, skipTLSVerify: true },
    { name: 'test' },
  );
  return config;
}
