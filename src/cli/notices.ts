// Answers: what does a person hear on standard error about each pod: why it was left alone, what is wrong, what to mind.
import { problemLine, quoted } from '../core/model/problem.ts';
import { reasons } from '../core/model/verdict.ts';
import type { AdmittedTarget } from './admission.ts';
import type { Target } from './targets.ts';

/** Kind, name and namespace: `Deployment "sleep" in namespace "default"`. */
export function targetTitle({ kind, name, review }: Target): string {
  return `${kind}${name === '' ? '' : ` ${quoted(name)}`} in namespace ${quoted(review.namespace)}`;
}

/** Where the pod stands in the object that was written, to be put before a problem's path: `spec.template.`. */
export function pathPrefix({ pointer, isReview }: Target): string {
  const own = isReview ? '' : pointer.replace(/^(?:\/items\/\d+)*/, '');
  return own
    .split('/')
    .filter(Boolean)
    .map((key) => `${key}.`)
    .join('');
}

/** The lines about one pod, none where there is nothing to say. */
export function notices({ target, verdict }: AdmittedTarget): readonly string[] {
  const title = targetTitle(target);
  const warnings = verdict.warnings.map((warning) => `Warning: ${title}: ${warning}`);
  if (verdict.kind === 'inject' || verdict.kind === 'deliver') return warnings;
  const { doc, remedy } = reasons[verdict.reason];
  if (verdict.kind === 'skip') return [`Skipped ${title} (${verdict.reason}): ${doc} ${remedy}`, ...warnings];
  const problems = verdict.problems.map(
    (problem) => `  ${problemLine({ ...problem, path: pathPrefix(target) + problem.path })}`,
  );
  return [`Denied ${title} (${verdict.reason}): ${remedy}`, ...problems, ...warnings];
}
