// Answers: how do the Wasm commands speak to somebody who mistypes, or asks for what cannot be.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printFacts } from '../../src/cli/wasm/facts.ts';
import { barLine } from '../../src/cli/wasm/progress.ts';
import { sizeText } from '../../src/cli/wasm/sizes.ts';
import { pillion, temporaryFiles } from './command-line.ts';

const file = temporaryFiles();
const notAKey = file('key.txt', 'ssh-ed25519 AAAA');
const publicKey = file('cosign.pub', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n');
const halfObject = file('half.json', '{"a":');
const privateKey = file('cosign.key', '-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n');

const mistakes: readonly (readonly [string, RegExp])[] = [
  ['wasm ini', /unknown command 'ini' \(Did you mean init\?\)/],
  ['wasm deplo x', /unknown command 'deplo' \(Did you mean deploy\?\)/],
  ['wasm push a b c', /^Cannot run this: too many arguments for 'push'[^;]*; see --help$/m],
  ['wasm push', /missing required argument 'source'/],
  ['wasm deploy', /missing required argument 'image'/],
  ['wasm deploy istio', /missing required argument 'image'/],
  ['wasm deploy istio image another', /too many arguments/],
  ['wasm deploy image another', /too many arguments/],
  ['wasm deploy image', /which extension is meant: give its name with --id/],
  ['wasm deploy image --id ---', /--id "---": no letter or digit/],
  ['wasm deploy image --id a --patch-context both', /inbound, outbound, any, gateway/],
  ['wasm deploy image --id a --priority 1.5', /--priority "1.5": it must be a whole number/],
  ['wasm deploy image --id a --labels app -o yaml', /--labels "app": it has no "="/],
  ['wasm deploy image --id a --config {"a" -o yaml', /begins like a JSON object and is none/],
  ['wasm deploy image --id a --threshold 1 -o yaml', /--threshold "1": no key is given/],
  ['wasm deploy image --id a --threshold 21 -o yaml', /--threshold "21": it must be a whole number from 1 to 20/],
  [`wasm deploy image --id a --config-file ${halfObject} -o yaml`, /--config-file ".*half.json": it begins like/],
  ['wasm deploy ./plugin.wasm --id a', /the file ".\/plugin.wasm": a cluster fetches images; run "pillion wasm push/],
  [`wasm deploy ${notAKey} --id a`, /Cannot deploy the file/],
  ['wasm deploy image --id a --timeout 5', /--timeout "5": it is no duration/],
  ['wasm deploy image --id a --key /nowhere', /--key "\/nowhere": there is no such file/],
  [`wasm deploy image --id a --key ${notAKey}`, /it is no public key in PEM/],
  [`wasm deploy image --id a --key ${privateKey}`, /it is a private key; give the public one/],
  ['wasm deploy image --id a --sha256 abc -o yaml', /--sha256 with an image/],
  ['wasm deploy image --id a --kubeconfig /nowhere', /kubeconfig.*\/nowhere/],
  ['wasm undeploy', /give its name with --id/],
  ['wasm undeploy one --id other', /which extension is meant: "one" or --id "other"; leave one out/],
  ['wasm rollback', /give its name with --id/],
  ['wasm list -A -n shop', /--namespace with --all-namespaces/],
  [`wasm verify ${notAKey}`, /key.txt": only images have signatures/],
  ['wasm verify https://example.com/a.wasm', /a.wasm": only images have signatures/],
  [`wasm verify image --key ${publicKey} --threshold 2`, /--threshold "2": only 1 key is given that it could count/],
  ['wasm verify image', /no key is trusted; give the public key with --key/],
  ['wasm pack /nowhere.wasm -t a', /"\/nowhere.wasm": there is no such file/],
  ['wasm pack x.wasm', /the image has no name; give one with -t/],
  [`wasm pack x.wasm -t a@sha256:${'0'.repeat(64)}`, /its digest follows from its content/],
  [`wasm push ${notAKey}`, /Cannot push the file ".*key.txt": nobody says where; add its name, host\/name:tag/],
  ['wasm push x.wasm', /Cannot push the file "x.wasm": nobody says where/],
  ['wasm push a:1 --root-id x', /--root-id: the image is packed already/],
  ['wasm push a:1', /no image of that name was packed; run "pillion wasm pack FILE -t docker.io\/library\/a:1"/],
  [`wasm pull a:1 --to ${notAKey}`, /it is there already; add --force/],
  ['wasm pull a:1 --to /', /"\/": it is a directory; name a file with --to/],
  [`wasm init ${notAKey}/x --language go`, /(is a file|it is a file|path is a file); name another directory/],
  ['wasm init', /nobody says where/],
  ['wasm init /tmp/pillion-nowhere', /nobody says in which language; add --language \(assemblyscript, rust, go\)/],
  ['wasm init x --language cpp', /"cpp": there is no template: its SDK needs Bazel/],
  ['wasm init x --language c++', /"c\+\+": there is no template: its SDK needs Bazel/],
  ['wasm init x --language cobol', /"cobol": there are assemblyscript, rust, go/],
];

for (const [line, message] of mistakes) {
  test(`"pillion ${line}" ends with 2 and one line`, async () => {
    const { exitCode, stdout, stderr } = await pillion(line.split(' '));
    assert.equal(exitCode, 2);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.match(stderr, /^Cannot [^\n]*\n$/);
  });
}

const refused: readonly (readonly [string, RegExp])[] = [
  ['wasm pull Upper/case:1', /"Upper\/case:1".*\(InvalidReference\)\n→ /],
  ['wasm deploy registry:5000/a:b:c --id a -o yaml', /\(InvalidReference\)\n→ /],
  ['wasm deploy https://example.com/a.wasm --id a -o yaml', /without sha256.*\(SourceNotAllowed\)\n→ /],
  [
    'wasm deploy a:1 --id a --patch-context gateway -o yaml',
    /gateway.* is not there yet; use inbound.*\(Unsupported\)\n→ /,
  ],
  ['wasm deploy a:1 --id a --config text --phase authn -o yaml', /spec.phase: .*rawConfig.*\(InvalidSpec\)\n→ /],
];

for (const [line, message] of refused) {
  test(`"pillion ${line}" ends with 2, the reason, and what to do`, async () => {
    const { exitCode, stdout, stderr } = await pillion(line.split(' '));
    assert.equal(exitCode, 2);
    assert.equal(stdout, '');
    assert.match(stderr, message);
  });
}

for (const args of [['wasm'], ['wasm', '--help'], ['help', 'wasm']]) {
  test(`"pillion ${args.join(' ')}" lists the commands of the group`, async () => {
    const { exitCode, stdout } = await pillion(args);
    assert.equal(exitCode, 0);
    for (const name of ['init', 'pack', 'push', 'pull', 'inspect', 'verify', 'deploy', 'list', 'rollback', 'undeploy'])
      assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
    assert.match(stdout, /^ {2}deploy \[options\] \[istio\] <image> /m);
  });
}

test('a file that is no module is refused with 4, and as JSON where that is asked for', async () => {
  const path = file('text.wasm', 'hello');
  const said = await pillion(['wasm', 'inspect', path]);
  assert.equal(said.exitCode, 4);
  assert.match(said.stdout, /✗ Cannot take the module: [^→]*\(NotWasm\)\n {2}→ Build it anew/);
  const json = await pillion(['wasm', 'inspect', path, '-o', 'json']);
  assert.equal(json.exitCode, 4);
  assert.equal(JSON.parse(json.stdout).refused[0].reason, 'NotWasm');
  const packed = await pillion(['wasm', 'pack', path, '-t', 'a:1', '-o', 'json']);
  assert.equal(packed.exitCode, 4);
  assert.equal(JSON.parse(packed.stdout).refused.reason, 'NotWasm');
  assert.equal(packed.stderr, '');
});

test('what inspect could not look at is told in JSON as what it refused', async () => {
  const { exitCode, stdout } = await pillion(['wasm', 'inspect', '127.0.0.1:1/a:1', '--plain-http', '-o', 'json']);
  assert.equal(exitCode, 2);
  assert.equal(JSON.parse(stdout).refused[0].reason, 'RegistryUnreachable');
});

test('the help of a command is no wider than the terminal', async () => {
  for (const name of ['deploy', 'push']) {
    const { stdout } = await pillion(['wasm', name, '--help'], { columns: 80 });
    const prose = stdout.slice(0, stdout.indexOf('Examples:')).split('\n');
    assert.deepEqual(
      prose.filter((line) => line.length > 80),
      [],
    );
  }
});

test('what strangers wrote cannot steer the terminal', () => {
  const terminal = { width: 100, colour: false };
  const printed = printFacts('a\u001b[2J', [['Root ids', 'a\u001b]0;title\u0007\u009b\nb', '\u202e']], terminal);
  assert.equal(printed, 'a\ufffd[2J\n  Root ids  a\ufffd]0;title\ufffd\ufffd\ufffdb  \ufffd\n');
});

test('a bar fits the terminal, and shows how far it is', () => {
  for (const width of [20, 40, 80, 200]) assert.ok(barLine('Pulling a/b:1', 500, 1000, width).length < width);
  assert.match(barLine('Pulling a/b:1', 500, 1000, 80), /^Pulling a\/b:1 {2}█{10,} +50 % {2}500 B of 1.0 kB$/);
  assert.match(barLine('Pulling a/b:1', 0, 0, 80), /100 %/);
});

test('sizes are short', () => {
  assert.deepEqual([0, 999, 1000, 17_449, 3_200_000].map(sizeText), ['0 B', '999 B', '1.0 kB', '17.4 kB', '3.2 MB']);
});
