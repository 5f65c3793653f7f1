// Answers: whose signatures does a declaration trust.

import { readPublicKey } from '../signature/trusted-key.ts';
import { type Trust, type TrustedKey, trustModes } from '../trust.ts';
import { bounds } from './bounds.ts';
import {
  type Complaints,
  type Field,
  fieldAt,
  readEntries,
  readMapping,
  readText,
  readWhole,
  readWord,
} from './declared-fields.ts';

/** `spec.trust`; undefined where nothing stands there. */
export function readTrust(field: Field, wrong: Complaints): Trust | undefined {
  if (field.value === undefined) return undefined;
  const at = readMapping(field, wrong);
  const mode = readWord(fieldAt(at, 'signatures', field.path), trustModes, 'enforce', wrong);
  const keys = readEntries(fieldAt(at, 'keys', field.path), bounds.keys, wrong).flatMap((entry) =>
    readKey(entry, wrong),
  );
  const threshold = readWhole(fieldAt(at, 'threshold', field.path), bounds.threshold, 1, wrong);
  const declared = Array.isArray(at['keys']) ? at['keys'].length : 0;
  // without keys of its own it means those of the installation
  if (mode !== 'off' && declared > 0 && threshold > declared) {
    wrong.invalid(`${field.path}.threshold`, threshold, `must be at most the number of keys, ${declared}`);
  }
  return { mode, keys, threshold };
}

function readKey(entry: Field, wrong: Complaints): readonly TrustedKey[] {
  const at = readMapping(entry, wrong);
  const name = readText(fieldAt(at, 'name', entry.path), bounds.keyName, wrong);
  const pem = readText(fieldAt(at, 'pem', entry.path), bounds.pem, wrong);
  if (name === undefined && at['name'] === undefined) wrong.invalid(`${entry.path}.name`, undefined, 'must be there');
  if (pem === undefined && at['pem'] === undefined) {
    wrong.invalid(`${entry.path}.pem`, undefined, 'must be a public key in PEM: -----BEGIN PUBLIC KEY-----');
  }
  if (pem === undefined) return [];
  const key = readPublicKey({ name: name ?? '', pem });
  // never the value: who mistakes the two writes the private key here
  if (!key.ok) wrong.invalid(`${entry.path}.pem`, undefined, key.error.message);
  return key.ok && name !== undefined ? [{ name, pem }] : [];
}
