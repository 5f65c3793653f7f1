// Answers: which options do all processes of the product take: where they tell how they are, and what they log.
import type { OptionRow } from './command.ts';

export const roleDefaults = { 'management-listen': ':15014', 'log-level': 'info' } as const;

export const managementOption: OptionRow = {
  name: 'management-listen',
  value: 'ADDRESS',
  fallback: roleDefaults['management-listen'],
  doc: 'Where /healthz, /readyz and /metrics are: host:port or :port.',
};

export const logLevelOption: OptionRow = {
  name: 'log-level',
  value: 'LEVEL',
  choices: ['debug', 'info', 'warn', 'error'],
  fallback: roleDefaults['log-level'],
  doc: 'Least important line to log.',
};
