// Answers: what does a server cost that does nothing: the listener and TLS settings of `pillion serve`, the body parsed,
// and always the same patch. What is dearer than this is the injection's own.
//   node bench/floor.ts DIRECTORY ANSWER    certificate in DIRECTORY; ANSWER: file with an answer, uid included
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const [directory = '', answerFile = ''] = process.argv.slice(2);
const { response } = JSON.parse(readFileSync(answerFile, 'utf8'));
const rest = `","allowed":true,"patchType":"JSONPatch","patch":"${response.patch}"}}`;
const start = '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"';

const server = createServer(
  {
    cert: readFileSync(join(directory, 'tls.crt')),
    key: readFileSync(join(directory, 'tls.key')),
    minVersion: 'TLSv1.2',
    keepAliveTimeout: 120_000,
    headersTimeout: 10_000,
    requestTimeout: 30_000,
    connectionsCheckingInterval: 5_000,
  },
  (request, reply) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const review = JSON.parse((chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))?.toString() ?? '');
      const body = start + review.request.uid + rest;
      reply.writeHead(200, ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body))]);
      reply.end(body);
    });
  },
);
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ address: `127.0.0.1:${port}` })}\n`);
});
process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
