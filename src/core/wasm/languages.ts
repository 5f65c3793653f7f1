// Answers: in which languages can a filter be begun, and what does each need. One table: the questions of `pillion wasm
// init`, its help and its last lines are made from it.
export interface Language {
  readonly title: string;
  /** Folder of the repository with the project. */
  readonly folder: string;
  /** What has to be on the machine. */
  readonly needs: string;
  /** Builds and tests, in the project. */
  readonly build: string;
  readonly test: string;
  /** The module, in the project. */
  readonly module: string;
  readonly doc: string;
}

export const languages = {
  assemblyscript: {
    title: 'AssemblyScript',
    folder: 'examples/wasm/add-header',
    needs: 'Node 20 or later with npm',
    build: 'npm install && npm run build',
    test: 'npm test',
    module: 'build/plugin.wasm',
    doc: 'a strict form of TypeScript; modules of some 20 kB',
  },
  rust: {
    title: 'Rust',
    folder: 'templates/wasm/rust',
    needs: 'cargo, and rustup target add wasm32-wasip1',
    build: 'cargo build --release --target wasm32-wasip1',
    test: 'cargo test',
    module: 'target/wasm32-wasip1/release/plugin.wasm',
    doc: 'modules of some 200 kB',
  },
  go: {
    title: 'Go',
    folder: 'templates/wasm/go',
    needs: 'Go 1.24 or later',
    build: 'GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags="-s -w" -o build/plugin.wasm .',
    test: 'go test .',
    module: 'build/plugin.wasm',
    doc: 'modules of some 3 MB, which take a proxy seconds to load',
  },
} as const satisfies Record<string, Language>;

export type LanguageName = keyof typeof languages;

/** Other names of the same. */
const aliases: Readonly<Record<string, LanguageName>> = {
  as: 'assemblyscript',
  typescript: 'assemblyscript',
  golang: 'go',
  tinygo: 'go',
};

/** Why there is none for a language that people ask for. */
const declined: Readonly<Record<string, string>> = {
  cpp: 'its SDK needs Bazel and Emscripten in versions that fit each other, and gives nothing that Rust does not',
};

/** The language that is meant; the error says what is wrong in words that end "Cannot …: ". */
export function languageNamed(
  text: string,
): { readonly ok: true; readonly value: LanguageName } | { readonly ok: false; readonly error: string } {
  const word = text.trim().toLowerCase();
  const name = Object.hasOwn(languages, word) ? (word as LanguageName) : aliases[word];
  if (name !== undefined) return { ok: true, value: name };
  const why = declined[word === 'c++' || word === 'c' ? 'cpp' : word];
  const known = Object.keys(languages).join(', ');
  return { ok: false, error: why === undefined ? `there are ${known}` : `there is no template: ${why}; take ${known}` };
}

/** What the projects of the repository are called; a project gets its own name in its place. */
const templateName = 'add-header';

/** The text with the project's name; `add_header` is the root id, which stays. */
export function named(text: string, name: string): string {
  return text.replaceAll(templateName, name);
}
