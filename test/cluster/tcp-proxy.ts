// Answers: how does a test come between a client and the API server: cut what is open, swallow what is sent, be away.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { type Kube, kubeOf } from '../../src/edge/kube/client.ts';
import type { ControlPlane } from './control-plane.ts';

export interface TcpProxy {
  /** Asks the API server through the proxy. */
  readonly kube: Kube;
  readonly connections: number;
  /** Resets every connection; new ones are let through. */
  cut(): void;
  /** Keeps connections open but lets nothing through any more; new ones are let through unless they are meant too. */
  silence(which?: 'those-now' | 'all'): void;
  /** Resets every connection and every new one, until the returned function is called. */
  refuse(): () => void;
}

/** A proxy before the API server, ended after the test. */
export async function startTcpProxy(
  context: Pick<TestContext, 'after'>,
  plane: Pick<ControlPlane, 'kube' | 'kubeconfig' | 'hostAddress'>,
  kubeconfig = plane.kubeconfig,
): Promise<TcpProxy> {
  const port = Number(new URL(plane.kube.server).port);
  const sockets = new Set<Socket>();
  let isRefusing = false;
  let isSilent = false;
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const server = createServer((client) => {
    if (isRefusing) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(port, plane.hostAddress);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.on('data', (data) => other.write(data));
      if (isSilent) socket.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, plane.hostAddress, resolve));
  context.after(() => {
    server.close();
    cut();
  });
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const { port: ownPort } = server.address() as AddressInfo;
  config.clusters = config.clusters.map((one) => ({ ...one, server: `https://${plane.hostAddress}:${ownPort}` }));
  return {
    kube: kubeOf(config),
    get connections() {
      return sockets.size / 2;
    },
    cut,
    silence: (which = 'those-now') => {
      isSilent = which === 'all';
      for (const socket of sockets) socket.pause();
    },
    refuse: () => {
      isRefusing = true;
      cut();
      return () => {
        isRefusing = false;
      };
    },
  };
}
