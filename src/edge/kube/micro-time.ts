// Answers: how does the API server want a time that counts microseconds (MicroTime): with six digits, no fewer.

export function microTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z');
}
