// Answers: `pillion doctor`: what is wrong with an installation, in order, and what to do.
// Does not belong here: the checks (core/doctor/), how they are laid out for a terminal (doctor-text.ts).
import { diagnose } from '../core/doctor/checks.ts';
import { seenValue } from '../core/doctor/observations.ts';
import { quoted } from '../core/model/problem.ts';
import { connectionOptions, withCluster } from './cluster-options.ts';
import { type Command, exitCodes, type Io, listOf, type OptionValues, UsageError } from './command.ts';
import { printDiagnosis } from './doctor-text.ts';
import { terminalOf } from './terminal.ts';
import { isJson, outputOption } from './text-or-json.ts';

/** Of this command alone: in the others, 1 is a defect of ours. */
const somethingFound = 1;

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'Check an installation in a cluster: what is wrong, in order, and what to do.',
  details: [
    'Changes nothing: pods are created by dry run only. Prints no secrets. What you may not read is said, and the rest is',
    'checked all the same. Exit codes: 0 nothing was found; 1 something was; 2 usage, or there is no cluster to ask.',
    'docs/doctor.md has every finding.',
  ],
  examples: [
    'pillion doctor',
    'pillion doctor -n shop -n payments --context production',
    "pillion doctor -o json | jq '.checks[].findings[]?'",
  ],
  options: [
    outputOption,
    {
      name: 'namespace',
      short: 'n',
      value: 'NAME',
      repeatable: true,
      fallback: 'all of them',
      doc: 'Namespace whose labels and pods are looked at.',
    },
    ...connectionOptions,
  ],
  run: doctor,
};

async function doctor(io: Io, options: OptionValues): Promise<number> {
  const namespaces = listOf(options, 'namespace');
  const observed = await withCluster(options, async (kube) => {
    const { observe } = await import('../edge/kube/observe.ts');
    return observe(kube, { namespaces, now: new Date() });
  });
  const there = seenValue(observed.namespaces)?.map(({ name }) => name) ?? namespaces;
  const missing = namespaces.find((name) => !there.includes(name));
  if (missing !== undefined) {
    throw new UsageError(`Cannot look at namespace ${quoted(missing)}: there is none; check its name and the context`);
  }
  const diagnosis = diagnose(observed);
  const asJson = isJson(options);
  io.stdout.write(asJson ? `${JSON.stringify(diagnosis, undefined, 2)}\n` : printDiagnosis(diagnosis, terminalOf(io)));
  return diagnosis.counts.error + diagnosis.counts.warning === 0 ? exitCodes.done : somethingFound;
}
