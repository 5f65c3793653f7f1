// Answers: what of the facts does /settings show. Everything but what grows with the cluster: of that, how much there is.
// Does not belong here: taking secrets out (redaction.ts).
import type { Facts, NodeTable } from '../core/model/facts.ts';

const mostNames = 10;

/** The facts for a person; `null` where there are none yet. */
export function shownFacts(facts: Facts | undefined): object | null {
  if (facts === undefined) return null;
  const { native, namespaces, proxyConfigs, extensions } = facts;
  return {
    ...facts,
    native: { ...native, nodes: native.nodes === undefined ? null : shownNodes(native.nodes) },
    namespaces: { known: namespaces.size },
    proxyConfigs: { meshWide: proxyConfigs.meshWide ?? null, namespaces: proxyConfigs.byNamespace.size },
    ...(extensions && {
      extensions: { known: [...extensions.values()].flat().filter(({ isFormer }) => !isFormer).length },
    }),
  };
}

function shownNodes({ nodes, tooOld, versions }: NodeTable): object {
  const names = [...tooOld].slice(0, mostNames).map(({ name, kubeletVersion }) => `${name} (${kubeletVersion})`);
  return { known: nodes.length, versions, tooOld: tooOld.size, firstTooOld: names };
}
