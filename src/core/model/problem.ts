// Answers: how do we say that something somebody wrote is wrong. Always the place, the value, and what is allowed;
// every problem of an input is collected before any is reported.
// Does not belong here: faults of our own (exceptions) and of the world (edges).

/** One thing that is wrong in something that a person wrote. */
export interface Problem {
  /** Where: `metadata.annotations["sidecar.istio.io/proxyCPU"]`, `values: global.proxy.statusPort`. */
  readonly path: string;
  /** What stands there, as text; undefined where nothing stands there. */
  readonly value: string | undefined;
  /** What is allowed and, where it is not obvious, what to do: the end of the sentence "…: must be a port". */
  readonly expected: string;
}

export type Result<T, E = readonly Problem[]> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function fail<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}

/** Long values are cut: a message must not be as large as the pod that it is about. */
const longestValue = 200;

/** The problem as one line: `<path>: Cannot read "<value>": <expected>`. */
export function problemLine(problem: Problem): string {
  if (problem.value === undefined) return `${problem.path}: ${problem.expected}`;
  return `${problem.path}: Cannot read ${quoted(problem.value)}: ${problem.expected}`;
}

/** The text in double quotes, on one line, cut when it is long. */
export function quoted(text: string): string {
  const shown = text.length > longestValue ? `${text.slice(0, longestValue)}… (${text.length} characters)` : text;
  return JSON.stringify(shown);
}

/** The path of an annotation, as every message names it. */
export function annotationPath(key: string): string {
  return `metadata.annotations["${key}"]`;
}
