/** Numbers as people write them. Pure. */

/** A number with a decimal point or comma and without separators of thousands; null for anything else. */
export function readNumber(text: string): number | null {
  const plain = text.trim().replace(/\s*%$/, '');
  return /^[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain.replace(',', '.')) : null;
}

export const within = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value));
