// Answers: how does a stream say that it ends because of an expected fault.
import { type Refusal, refusal } from '../../core/wasm/refusals.ts';

/** Thrown by what yields bytes; whoever started it turns it into the Result of its refusal. */
export class Refused extends Error {
  readonly refusal: Refusal;
  constructor(refused: Refusal) {
    super(refused.message);
    this.refusal = refused;
  }
}

/** The layer is not what it has to be. */
export function badArchive(state: string): Refused {
  return new Refused(refusal('BadArchive', `Cannot unpack the layer: ${state}`));
}

/** More bytes than are allowed; `what` begins the second half of the sentence: `the module`. */
export function tooLarge(what: string, allowedBytes: number): Refused {
  return new Refused(refusal('TooLarge', `Cannot unpack the layer: ${what} has more than ${allowedBytes} bytes`));
}
