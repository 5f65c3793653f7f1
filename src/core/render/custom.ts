// Answers: what does a custom template contribute to this pod. A custom template is a pod overlay in which the container
// name `*` stands for every container of the application.
import { isObject, type JsonObject } from '../model/json.ts';
import type { PodOverlay } from '../model/pod.ts';
import type { RenderContext } from './context.ts';

export const everyContainer = '*';

/** The overlay for this pod: `*` replaced by the names of the application's containers. */
export function custom(overlay: PodOverlay, { apps }: RenderContext): PodOverlay {
  const { spec } = overlay;
  if (!isObject(spec) || !Array.isArray(spec['containers'])) return overlay;
  const containers = spec['containers'].flatMap((container: JsonObject) =>
    container['name'] === everyContainer ? apps.map((name) => ({ ...container, name })) : [container],
  );
  return { ...overlay, spec: { ...spec, containers } };
}
