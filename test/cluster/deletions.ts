// Answers: what was removed by us from a cluster, and in which order.
import { readFileSync } from 'node:fs';
import { isObject } from '../../src/core/model/json.ts';
import type { ControlPlane } from './control-plane.ts';

/** The deletions that were asked for, in their order: `deployments pillion-control`. */
export function deletions({ auditLog }: ControlPlane): readonly string[] {
  const lines = readFileSync(auditLog, 'utf8').trim().split('\n');
  return lines.flatMap((line): readonly string[] => {
    const { verb, objectRef, user } = JSON.parse(line);
    if (verb !== 'delete' || !isObject(objectRef) || user.username !== 'administrator') return [];
    return [`${objectRef['resource']} ${objectRef['name']}`];
  });
}
