// Answers: what does a person hear of pods that wait for a Wasm module which nobody brings any more.
import { heldNote } from '../core/install/extensions-there.ts';
import type { Kube } from '../edge/kube/client.ts';
import type { Io } from './command.ts';

/** Those that wait at this moment; nothing where none does. */
export async function tellHeld(io: Io, kube: Kube): Promise<void> {
  const { findHeldPods } = await import('../edge/kube/extensions-there.ts');
  const note = heldNote(await findHeldPods(kube));
  if (note !== undefined) io.stderr.write(`Note: ${note}\n`);
}
