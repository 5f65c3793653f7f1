// Answers: how is the delivery of Wasm extensions told to behave: group `wasm` of the options.
import { z } from 'zod';
import { digestForm } from '../model/digest.ts';
import { boolean, dnsLabel, oneOf } from './option-fields.ts';

const wasmKeys = z
  .array(
    z.strictObject(
      {
        name: dnsLabel.describe('Name of the key, for messages.'),
        pem: z
          .string('must be a text')
          .max(10_000, 'must have at most 10000 characters')
          .regex(/^-----BEGIN PUBLIC KEY-----/, 'must be a public key in PEM')
          .describe('The public key, PEM.'),
      },
      'must be a mapping',
    ),
    'must be a list of keys',
  )
  .max(20, 'must have at most 20 entries')
  .default(() => []);

const hosts = z
  .array(
    z.string('must be a text').regex(/^[A-Za-z0-9.-]+(:[0-9]{1,5})?$/, 'must be host or host:port'),
    'must be a list of hosts',
  )
  .max(100, 'must have at most 100 entries')
  .default(() => []);

const digest = z.string('must be a text').regex(digestForm, 'must be sha256: and 64 lower-case hexadecimal digits');

/** `wasm` of the options. */
export const wasm = z
  .strictObject(
    {
      enabled: boolean
        .default(false)
        .describe(
          'Deliver Wasm extensions: `install` adds the kinds WasmExtension and WasmStore, the node agent and the rights for them (docs/wasm.md).',
        ),
      filterDeployments: boolean
        .default(false)
        .describe('Take FilterDeployment objects of wasme (`wasme.io/v1`) as declarations too.'),
      maxModuleMegabytes: z
        .int('must be a whole number from 1 to 256')
        .min(1, 'must be a whole number from 1 to 256')
        .max(256, 'must be a whole number from 1 to 256')
        .default(16)
        .describe('Largest module that is taken, in MiB.'),
      httpSources: boolean.default(false).describe('Take modules from `http://` too, where their sha256 is given.'),
      plainHttpRegistries: hosts.describe('Registries that are spoken to without TLS: `host` or `host:port`.'),
      caBundle: z
        .string('must be a text')
        .max(500_000, 'must have at most 500000 characters')
        .default('')
        .describe('Authorities, PEM, that registries are trusted by, besides the public ones.'),
      signatures: z
        .preprocess((value) => (value === false ? 'off' : value), oneOf(['off', 'warn', 'enforce'], 'off'))
        .describe('Whether every image has to be signed by `keys`, whatever its extension asks for besides.'),
      keys: wasmKeys.describe('Public keys whose cosign signatures count.'),
      threshold: z
        .int('must be a whole number from 1 to 20')
        .min(1, 'must be a whole number from 1 to 20')
        .max(20, 'must be a whole number from 1 to 20')
        .default(1)
        .describe('How many of the keys have to have signed.'),
      deniedDigests: z
        .array(digest, 'must be a list of digests')
        .max(1000, 'must have at most 1000 entries')
        .default(() => [])
        .describe('Digests of indexes, manifests, layers or modules that are never taken.'),
      modules: z
        .array(
          z.strictObject(
            {
              source: z
                .string('must be a text')
                .max(1000, 'must have at most 1000 characters')
                .describe('`oci://…@sha256:…` or `https://…`.'),
              sha256: digest.describe('Digest of the module, as `pillion wasm inspect` prints it.'),
            },
            'must be a mapping',
          ),
          'must be a list of modules',
        )
        .max(100, 'must have at most 100 entries')
        .default(() => [])
        .describe(
          'Modules that every node keeps without any extension, for pods that name them by digest. WasmPlugins of anybody may name them once `install` has run.',
        ),
    },
    'must be a mapping',
  )
  .refine(({ signatures, keys, threshold }) => signatures === 'off' || keys.length >= threshold, {
    path: ['keys'],
    error: 'must have at least as many keys as threshold says, or no image can be taken; or set signatures to off',
  })
  .prefault({})
  .describe('Delivery of Wasm extensions.');
