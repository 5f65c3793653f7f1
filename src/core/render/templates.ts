// Answers: which templates are there, and which does a pod get.
import type { PodOverlay } from '../model/pod.ts';
import { annotationPath, type Problem } from '../model/problem.ts';
import { annotations as catalogue } from '../settings/catalogue.ts';
import type { Effective } from '../settings/effective.ts';
import type { RenderContext, Template } from './context.ts';
import { custom } from './custom.ts';
import { gateway } from './gateway.ts';
import { grpcAgent } from './grpc-agent.ts';
import { grpcSimple } from './grpc-simple.ts';
import { sidecar } from './sidecar.ts';

/** The templates for pods. Those for waypoints and Gateway API deployments are istiod's own business. */
const shipped: ReadonlyMap<string, Template> = new Map([
  ['sidecar', sidecar],
  ['gateway', gateway],
  ['grpc-agent', grpcAgent],
  ['grpc-simple', grpcSimple],
]);

export interface ChosenTemplate {
  readonly name: string;
  readonly render: Template;
  /** Overlays of users may hold nulls anywhere. */
  readonly isCustom: boolean;
}

/**
 * The templates of a pod in their order: those of its annotation, else the default ones; an alias stands for its list.
 * A custom template of a shipped one's name takes its place.
 */
export function chooseTemplates({ annotations, facts }: Effective): { chosen: ChosenTemplate[]; problems: Problem[] } {
  const { aliases, defaultTemplates } = facts.injector;
  const asked = annotations.templates ?? defaultTemplates;
  const chosen: ChosenTemplate[] = [];
  const problems: Problem[] = [];
  for (const name of asked.flatMap((each) => aliases.get(each) ?? [each])) {
    const render = templateNamed(name, facts.customTemplates);
    if (render !== undefined) chosen.push({ name, render, isCustom: facts.customTemplates.has(name) });
    else problems.push(unknownTemplate(name, annotations.templates !== undefined, facts.customTemplates));
  }
  return { chosen, problems };
}

function templateNamed(name: string, customTemplates: ReadonlyMap<string, PodOverlay>): Template | undefined {
  const overlay = customTemplates.get(name);
  if (overlay !== undefined) return (context: RenderContext) => custom(overlay, context);
  return shipped.get(name);
}

function unknownTemplate(
  name: string,
  fromAnnotation: boolean,
  customTemplates: ReadonlyMap<string, PodOverlay>,
): Problem {
  const known = [...new Set([...shipped.keys(), ...customTemplates.keys()])].join(', ');
  const path = fromAnnotation
    ? annotationPath(catalogue.templates.key)
    : 'defaultTemplates of the injector configuration';
  return { path, value: name, expected: `must name templates that exist: ${known}` };
}
