// Answers: which image do the injected containers run.
import type { Effective } from '../settings/effective.ts';

const imageName = 'proxyv2';
/** Ends of tags that a type replaces. */
const knownTypes = ['-distroless', '-debug'];

/** Image of the proxy's container. */
export function proxyImage({ annotations, proxyConfig, facts: { values } }: Effective): string {
  const type = proxyConfig.image?.imageType || values.global.variant;
  return imageReference(values.global.proxy.image, annotations.proxyImageType ?? type, {
    annotations,
    facts: { values },
  });
}

/**
 * Image of the proxy in pods that ask for no other, as the values alone tell. An image type of the mesh configuration is
 * left aside: the proxy in it is the same.
 */
export function usualProxyImage(values: Effective['facts']['values']): string {
  return imageReference(values.global.proxy.image, values.global.variant, { annotations: {}, facts: { values } });
}

/** Image of the init container. The image type of the proxy configuration does not reach it. */
export function initImage({ annotations, facts: { values } }: Effective): string {
  const type = annotations.proxyImageType ?? values.global.variant;
  return imageReference(values.global.proxyInit.image, type, { annotations, facts: { values } });
}

type Sources = { readonly annotations: Effective['annotations']; readonly facts: Pick<Effective['facts'], 'values'> };

/** A name with a slash is a whole reference and stands as it is, whatever hub, tag and type say. */
function imageReference(configured: string, type: string, { annotations, facts: { values } }: Sources): string {
  const wanted = annotations.proxyImage ?? configured;
  if (wanted.includes('/')) return wanted;
  const { hub, tag } = values.global;
  return `${hub}/${configured || imageName}:${withType(tag, type)}`;
}

function withType(tag: string, type: string): string {
  if (type === '') return tag;
  const known = knownTypes.find((end) => tag.endsWith(end));
  const bare = known === undefined ? tag : tag.slice(0, -known.length);
  return type === 'default' ? bare : `${bare}-${type}`;
}
