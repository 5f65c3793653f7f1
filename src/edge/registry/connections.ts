// Answers: over which connections are registries spoken to, and whose certificates are trusted. Each client has settings
// of its own; none of the process is changed.
import { X509Certificate } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { CallError, lasting } from './fault.ts';

export interface Connections {
  /** Throws CallError where the bundle holds what is no certificate. */
  agentFor(url: URL): HttpAgent | HttpsAgent;
  close(): void;
}

/** Idle connections are kept this long: a manifest is followed by its blobs. */
const keptMs = 5_000;

/** Connections that trust the public authorities, and those of the bundle (PEM) besides. */
export function openConnections(caBundle?: string): Connections {
  const settings = { keepAlive: true, maxFreeSockets: 2, timeout: keptMs };
  let plain: HttpAgent | undefined;
  let secure: HttpsAgent | undefined;
  return {
    agentFor: (url) => {
      if (url.protocol === 'http:') {
        plain ??= new HttpAgent(settings);
        return plain;
      }
      secure ??= new HttpsAgent({ ...settings, ...(caBundle && { secureContext: trusting(caBundle) }) });
      return secure;
    },
    close: () => {
      plain?.destroy();
      secure?.destroy();
    },
  };
}

let trusted: { readonly caBundle: string; readonly context: SecureContext } | undefined;

/** Kept for who asks next with the same bundle: the list of public authorities takes more than a megabyte each time. */
function trusting(caBundle: string): SecureContext {
  if (trusted?.caBundle !== caBundle) trusted = { caBundle, context: contextOf(caBundle) };
  return trusted.context;
}

function contextOf(caBundle: string): SecureContext {
  try {
    // Node passes over what it cannot read
    new X509Certificate(caBundle);
  } catch {
    throw new CallError(lasting('InvalidSpec', 'caBundle does not begin with a certificate in PEM'));
  }
  return createSecureContext({ ca: [...getCACertificates('default'), caBundle] });
}
