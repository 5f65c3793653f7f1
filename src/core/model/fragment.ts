// Answers: which parts of a pod are the same for many pods, and what is their JSON. Writing JSON is a good part of what
// an admission costs; a part that follows from the settings alone is written once.

const texts = new WeakMap<object, string>();

/** The value, frozen at every depth, with its JSON kept. */
export function fragment<T extends object>(value: T): T {
  texts.set(value, JSON.stringify(value));
  return frozen(value);
}

/** JSON of a value, as JSON.stringify writes it; parts that are fragments are not written again. */
export function jsonOf(value: unknown, depth = 0): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const kept = texts.get(value);
  if (kept !== undefined) return kept;
  // Below a list of containers, a container and a list of its variables, fragments are rare and objects are small.
  if (depth > 2) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((element) => jsonOf(element, depth + 1)).join(',')}]`;
  let members = '';
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined)
      members += `${members === '' ? '' : ','}${JSON.stringify(name)}:${jsonOf(member, depth + 1)}`;
  }
  return `{${members}}`;
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}
