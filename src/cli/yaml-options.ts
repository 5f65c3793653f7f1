// Answers: how do we read YAML. As Kubernetes does: by the types of YAML 1.1 (`yes` is a boolean, `0644` is octal), but
// without dates and numbers in base 60, which its parser (go-yaml through sigs.k8s.io/yaml) leaves as text.
import type { DocumentOptions, ParseOptions, SchemaOptions, Tags } from 'yaml';

const textInKubernetes = ['tag:yaml.org,2002:timestamp', 'TIME'];

function withoutDatesAndTimes(tags: Tags): Tags {
  return tags.filter(
    (tag) =>
      typeof tag === 'string' || !(textInKubernetes.includes(tag.tag) || textInKubernetes.includes(tag.format ?? '')),
  );
}

/** `compat` puts quotes around what another YAML 1.1 parser would take for something else than text. */
export const yamlOptions: ParseOptions & DocumentOptions & SchemaOptions = {
  version: '1.1',
  compat: 'yaml-1.1',
  customTags: withoutDatesAndTimes,
};
