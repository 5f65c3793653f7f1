// Answers: how many random cases does a property try, and which. The same ones every time, so that a change is judged by
// what it changes; PROPERTY_SEED=random looks for new ones, PROPERTY_RUNS=20 takes so many times as many.
const { PROPERTY_SEED: seed, PROPERTY_RUNS: times = '1' } = process.env;

const usualSeed = 20_261_121;

/** Parameters for fc.assert. */
export function runs(numRuns: number): { readonly numRuns: number; readonly seed?: number } {
  const all = { numRuns: numRuns * Number(times) };
  return seed === 'random' ? all : { ...all, seed: Number(seed ?? usualSeed) };
}
