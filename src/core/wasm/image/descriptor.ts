// Answers: what does a manifest say about a blob or another manifest. Source: OCI image-spec 1.1, descriptor.
import { isObject, type JsonObject } from '../../model/json.ts';
import type { StringMap } from '../../model/pod.ts';
import { fail, ok, quoted, type Result } from '../../model/problem.ts';
import { isDigest } from '../digests.ts';
import { type Refusal, refusal } from '../refusals.ts';

/** Its size is what somebody claims until it was counted. Its `urls` are never asked. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: `sha256:${string}`;
  readonly sizeBytes: number;
  readonly artifactType?: string;
  readonly annotations?: StringMap;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

/** As RFC 6838 has it, in any case and without parameters. */
const mediaTypeForm = /^[A-Za-z0-9][\w!#$&^.+-]{0,126}\/[A-Za-z0-9][\w!#$&^.+-]{0,126}$/;

/** True for `application/json`: nothing else is ever shown as a media type. */
export function isMediaType(value: unknown): value is string {
  return typeof value === 'string' && mediaTypeForm.test(value);
}

/** Reads a descriptor; `place` names it in messages: `layers[0]`. */
export function readDescriptor(value: unknown, place: string): Result<Descriptor, Refusal> {
  if (!isObject(value)) return invalid(place, 'is no descriptor');
  const { mediaType, digest, size, artifactType, annotations, platform } = value;
  if (!isMediaType(mediaType)) return invalid(place, 'has no media type');
  if (!isDigest(digest)) return invalid(place, `has the digest ${shown(digest)}, not sha256: and 64 digits`);
  if (!isSize(size)) return invalid(place, `has the size ${shown(size)}, not a number of bytes`);
  return ok({
    mediaType,
    digest,
    sizeBytes: size,
    ...(isMediaType(artifactType) && { artifactType }),
    ...(annotations !== undefined && { annotations: readAnnotations(value) }),
    ...(isObject(platform) && { platform: readPlatform(platform) }),
  });
}

/** Reads a list of descriptors. */
export function readDescriptors(value: unknown, place: string, most: number): Result<readonly Descriptor[], Refusal> {
  if (!Array.isArray(value)) return invalid(place, 'is no list');
  if (value.length > most) {
    return fail(refusal('ManifestTooLarge', `Cannot read the manifest: ${place} has more than ${most} entries`));
  }
  const read = value.map((one, index) => readDescriptor(one, `${place}[${index}]`));
  const broken = read.find((one) => !one.ok);
  return broken ?? ok(read.flatMap((one) => (one.ok ? [one.value] : [])));
}

/** The annotations of a manifest or a descriptor; those that are no text are left out. */
export function readAnnotations({ annotations }: JsonObject): StringMap {
  if (!isObject(annotations)) return {};
  return Object.fromEntries(
    Object.entries(annotations).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

const platformForm = /^[A-Za-z0-9._-]{1,64}$/;

/** What is no name is none: messages show it. */
function readPlatform({ os, architecture }: JsonObject): { readonly os: string; readonly architecture: string } {
  const nameOf = (value: unknown): string => (typeof value === 'string' && platformForm.test(value) ? value : '?');
  return { os: nameOf(os), architecture: nameOf(architecture) };
}

function isSize(size: unknown): size is number {
  return Number.isSafeInteger(size) && (size as number) >= 0;
}

function shown(value: unknown): string {
  return quoted(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined'));
}

function invalid(place: string, state: string): { readonly ok: false; readonly error: Refusal } {
  return fail(refusal('InvalidManifest', `Cannot read the manifest: ${place} ${state}`));
}
