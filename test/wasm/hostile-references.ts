// Answers: which references must never be followed.
import type { HostileFixture } from './hostile-fixtures.ts';

type Row = readonly [name: string, reason: HostileFixture['reason'], says: string, text: string, moduleDigest?: string];

const digest = `sha256:${'a'.repeat(64)}`;

const rows: readonly Row[] = [
  [
    'a user name and a password',
    'InvalidReference',
    'what follows "@" is no digest',
    'oci://user:hunter2@registry.example.com/team/filter:1',
  ],
  [
    'a user name without a password',
    'InvalidReference',
    'what follows "@" is no digest',
    'user@registry.example.com/team/filter:1',
  ],
  [
    'a query',
    'InvalidReference',
    'it has a query or a fragment',
    'oci://registry.example.com/team/filter:1?insecure=true',
  ],
  ['a fragment', 'InvalidReference', 'it has a query or a fragment', 'oci://registry.example.com/team/filter#1'],
  [
    'a blank',
    'InvalidReference',
    'it has white space or characters outside ASCII',
    'oci://registry.example.com/team/filter 1',
  ],
  [
    'a line break that begins a header',
    'InvalidReference',
    'it has white space or characters outside ASCII',
    'registry.example.com/team/filter:1\r\nHost: evil',
  ],
  [
    'upper case',
    'InvalidReference',
    '"Team" is no part of a name: lower-case letters, digits and single . _',
    'registry.example.com/Team/filter:1',
  ],
  ['a port that no machine has', 'InvalidReference', '"registry:99999" is no host', 'registry:99999/team/filter:1'],
  ['an address of four parts that is none', 'InvalidReference', '"256.1.1.1" is no host', '256.1.1.1/team/filter:1'],
  ['an address of five parts', 'InvalidReference', '"1.2.3.4.5" is no host', 'oci://1.2.3.4.5/team/filter:1'],
  ['an address of colons', 'InvalidReference', '"[::::]:80" is no host', '[::::]:80/team/filter:1'],
  ['an empty part', 'InvalidReference', 'a part of its name is empty', 'registry.example.com//filter:1'],
  [
    'a part that leads upwards',
    'InvalidReference',
    '".." is no part of a name: lower-case letters, digits and single . _ -',
    'registry.example.com/../filter:1',
  ],
  ['a tag with a slash', 'InvalidReference', '"1/../2" is no tag', 'registry.example.com/team/filter:1/../2'],
  ['two digests', 'InvalidReference', 'it has more than one "@"', `registry.example.com/filter@${digest}@${digest}`],
  [
    'letters of another script that look alike',
    'InvalidReference',
    'it has white space or characters outside ASCII',
    'registry.example.com/te\u0430m/filter:1',
  ],
  [
    'a name of 300 characters',
    'InvalidReference',
    'its name has more than 255 characters',
    `registry.example.com/${'a'.repeat(300)}`,
  ],
  ['a megabyte', 'InvalidReference', 'it has more than 2048 characters', `oci://${'a/'.repeat(500_000)}`],
  [
    'another scheme',
    'InvalidReference',
    'its scheme is "ftp", not oci, https or http',
    'ftp://registry.example.com/team/filter:1',
  ],
  [
    'a scheme in a scheme',
    'InvalidReference',
    'it has two schemes',
    'oci://https://registry.example.com/team/filter:1',
  ],
  [
    'a digest of another algorithm',
    'InvalidDigest',
    'its algorithm is "sha512", and only sha256 is taken',
    `registry.example.com/filter@sha512:${'a'.repeat(128)}`,
  ],
  [
    'a short digest',
    'InvalidDigest',
    'it is not sha256: and 64 lower-case hexadecimal digits',
    'registry.example.com/filter@sha256:abc',
  ],
  [
    'a digest that is a path',
    'InvalidDigest',
    'it is not sha256: and 64 lower-case hexadecimal digits',
    'registry.example.com/filter@sha256:../../etc/passwd',
  ],
  [
    'a URL with a password',
    'InvalidReference',
    'it has a user name or a password',
    'https://user:hunter2@example.com/filter.wasm',
    digest,
  ],
  [
    'a URL with a backslash',
    'InvalidReference',
    'it is no URL',
    'https://example.com\\@evil.example/filter.wasm',
    digest,
  ],
  ['a URL with a fragment', 'InvalidReference', 'it has a fragment', 'https://example.com/filter.wasm#1', digest],
  [
    'a URL without a digest',
    'SourceNotAllowed',
    'without sha256, nobody knows which module is meant',
    'https://example.com/filter.wasm',
  ],
  [
    'a URL with a digest that is none',
    'InvalidDigest',
    'it is not sha256: and 64 lower-case hexadecimal digits',
    'https://example.com/filter.wasm',
    'sha256:1',
  ],
  [
    'http',
    'SourceNotAllowed',
    'http:// is taken only where the option wasm.httpSources is on',
    'http://example.com/filter.wasm',
    digest,
  ],
  ['a file of the machine', 'SourceNotAllowed', 'a file of one machine is on no other', 'file:///etc/passwd'],
];

export const hostileReferences: readonly HostileFixture[] = rows.map(([name, reason, says, text, moduleDigest]) => ({
  name: `reference: ${name}`,
  reason,
  says,
  make: () => ({ kind: 'reference', text, ...(moduleDigest !== undefined && { moduleDigest }) }),
}));
