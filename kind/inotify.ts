// Answers: do the limits of this machine hold several clusters, or many sidecars. All containers share them: where they are
// used up, kubelet, kube-proxy and Envoy end with "too many open files".
import { readFileSync } from 'node:fs';

/** As the known issues of kind advise. */
const enough = { instances: 512, watches: 524_288 };

/** One line with the remedy; undefined where there is room, or this is no Linux. */
export function inotifyNotice(file = '/proc/sys/fs/inotify/max_user_instances'): string | undefined {
  let limit: number;
  try {
    limit = Number(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
  if (!(limit < enough.instances)) return undefined;
  return `! fs.inotify.max_user_instances is ${limit}: should a cluster not come up, or pods crash with "too many open files", run "sudo sysctl fs.inotify.max_user_instances=${enough.instances} fs.inotify.max_user_watches=${enough.watches}"`;
}
