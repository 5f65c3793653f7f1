// Answers: how does a value become safe to share between requests.

/** The value itself, with every object and list in it frozen. Maps keep their methods: their type is read-only. */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of value instanceof Map ? value.values() : Object.values(value)) freeze(member);
  return value;
}
