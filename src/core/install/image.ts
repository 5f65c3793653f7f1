// Answers: which image do the Deployments run, where nobody names one.
import { isObject } from '../model/json.ts';
import type { KubeObject } from '../model/kube-object.ts';

const versionLabel = 'app.kubernetes.io/version';

/**
 * The image of this version. An installation from another registry stays there: its image is moved to this version where
 * its tag was the version that it ran; a tag or a digest that somebody chose stays.
 * @param deployment one of the installation, where there is one
 */
export function imageFor(version: string, deployment?: KubeObject): string {
  const image = imageOf(deployment);
  if (image === undefined) return `pillion:${version}`;
  const ran = deployment?.metadata.labels?.[versionLabel];
  return ran !== undefined && image.endsWith(`:${ran}`) ? image.slice(0, -ran.length) + version : image;
}

function imageOf(deployment: KubeObject | undefined): string | undefined {
  const template = member(member(deployment, 'spec'), 'template');
  const containers = member(template, 'spec')['containers'];
  const first: unknown = Array.isArray(containers) ? containers[0] : undefined;
  const image = isObject(first) ? first['image'] : undefined;
  return typeof image === 'string' ? image : undefined;
}

function member(object: unknown, key: string) {
  const value = isObject(object) ? object[key] : undefined;
  return isObject(value) ? value : {};
}
