// Answers: what does --namespace-object say.
import { isObject } from '../core/model/json.ts';
import type { StringMap } from '../core/model/pod.ts';
import { quoted } from '../core/model/problem.ts';
import { type Io, UsageError } from './command.ts';
import { readDocuments } from './documents.ts';
import { readInputs } from './input.ts';

/** What counts of a Namespace. */
export interface NamespaceMetadata {
  readonly name: string;
  readonly labels?: StringMap;
  readonly annotations?: StringMap;
}

/** The Namespace in a file; throws a UsageError with the file and the reason where there is none. */
export async function readNamespaceObject(io: Io, file: string): Promise<NamespaceMetadata> {
  const [input] = await readInputs([file], io);
  if (input === undefined || !input.ok) throw new UsageError(input?.error ?? `Cannot read ${quoted(file)}`);
  const { documents, problems } = readDocuments(input.value);
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
  const value = documents.map((document) => document.value).find((one) => isObject(one) && one['kind'] === 'Namespace');
  if (!isObject(value))
    throw new UsageError(
      `Cannot use --namespace-object ${quoted(file)}: it holds no Namespace; name a file that "kubectl get namespace -o yaml" wrote`,
    );
  const metadata = isObject(value['metadata']) ? value['metadata'] : {};
  const [labels, annotations] = [textMap(metadata['labels']), textMap(metadata['annotations'])];
  const name = typeof metadata['name'] === 'string' ? metadata['name'] : '';
  return { name, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
}

function textMap(value: unknown): StringMap | undefined {
  if (!isObject(value)) return undefined;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, String(one)]));
}
