// Answers: what does a process tell on its management port.
import type { PillionProcess } from './pillion-process.ts';

export interface Condition {
  readonly condition: string;
  readonly reason: string;
}

export interface Ready {
  readonly status: number;
  readonly conditions: readonly Condition[];
}

/** The value of the series, with its labels as they are printed; 0 where it is not there. */
export async function metric(process: PillionProcess, series: string): Promise<number> {
  const text = await (await fetch(`${await process.waitFor('managementUrl')}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return Number(line?.split(' ')[1] ?? 0);
}

export async function ready(process: PillionProcess): Promise<Ready> {
  const response = await fetch(`${await process.waitFor('managementUrl')}/readyz`);
  const { conditions } = (await response.json()) as Pick<Ready, 'conditions'>;
  return { status: response.status, conditions };
}
