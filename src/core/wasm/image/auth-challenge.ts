// Answers: which credentials does a registry want: its header WWW-Authenticate (RFC 9110, 11.6.1).

export interface AuthChallenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const longestHeader = 8_192;
const scheme = /[ \t,]*([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?=[ \t,]|$)/y;
const parameter = /[ \t,]*([A-Za-z0-9_-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))[ \t]*(?=,|$)/y;

/** What some schemes have instead of parameters: the answer of Negotiate. */
const token68 = /[ \t]+[A-Za-z0-9._~+/-]+=*[ \t]*(?=,|$)/y;

/** The challenges of the header in their order; what cannot be read ends the list. Names of parameters in lower case. */
export function readChallenges(header: string | undefined): readonly AuthChallenge[] {
  if (header === undefined || header.length > longestHeader) return [];
  const found: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  while (at < header.length) {
    const pair = matchAt(parameter, header, at);
    const current = found.at(-1);
    if (pair !== null && current !== undefined) {
      const [all, name = '', text, bare = ''] = pair;
      current.parameters.set(name.toLowerCase(), text === undefined ? bare : text.replace(/\\(.)/g, '$1'));
      at += all.length;
      continue;
    }
    const start = matchAt(scheme, header, at);
    if (start === null) break;
    found.push({ scheme: (start[1] ?? '').toLowerCase(), parameters: new Map() });
    at += start[0].length;
    at += matchAt(token68, header, at)?.[0].length ?? 0;
  }
  return found;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
