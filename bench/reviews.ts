// Answers: which requests does the load send. One real review of a Deployment's pod (review.json); before each request
// uid, name and label are overwritten in place, so that no two requests are equal and none costs anything to make.
import { readFileSync } from 'node:fs';

/** The review as an API server (1.34) sent it. */
export const reviewText: string = readFileSync(new URL('./review.json', import.meta.url), 'utf8').trim();

const hexDigits = 10;

export interface VariedRequest {
  readonly bytes: Buffer;
  /** Makes the request the number-th one; returns what the answer's uid has to end in. */
  vary(number: number): string;
}

/** A request of its own for one connection, headers as the API server sends them. */
export function variedRequest(host: string, review = reviewText): VariedRequest {
  const { uid, hash } = slots(review);
  const body = Buffer.from(review);
  const head = [
    'POST /inject?timeout=10s HTTP/1.1',
    `Host: ${host}`,
    'User-Agent: kube-apiserver-admission',
    `Content-Length: ${body.length}`,
    'Accept: application/json, */*',
    'Content-Type: application/json',
    'Accept-Encoding: gzip',
  ];
  const bytes = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
  const places = [...placesOf(bytes, uid), ...placesOf(bytes, hash)];
  return {
    bytes,
    vary: (number) => {
      const text = number.toString(16).padStart(hexDigits, '0');
      for (const place of places) bytes.write(text, place, 'latin1');
      return text;
    },
  };
}

/** The texts in the review that are overwritten, each of hexDigits characters. */
function slots(review: string): { readonly uid: string; readonly hash: string } {
  const { request } = JSON.parse(review);
  return { uid: request.uid.slice(-hexDigits), hash: request.object.metadata.labels['pod-template-hash'] };
}

function placesOf(bytes: Buffer, text: string): readonly number[] {
  const places: number[] = [];
  for (let place = bytes.indexOf(text); place >= 0; place = bytes.indexOf(text, place + 1)) places.push(place);
  if (text.length !== hexDigits || places.length === 0) throw new Error(`Cannot vary the review: no "${text}" in it`);
  return places;
}
