/** The notation of Einsum (onnx/docs/Operators.md), without its shorthands. */

/** The equation without spaces, its output written out, and letters of their own (A, B, ... from the last axis) in place of "...". Null where a rank is open. */
export function einsumTerms(equation: string, ranks: readonly (number | null)[]): { readonly terms: readonly string[]; readonly result: string } | null {
  const [left = '', right] = equation.replace(/\s/g, '').split('->'), given = left.split(',');
  const spare = given.map((term, i) => (term.includes('...') ? (ranks[i] ?? null) === null ? null : (ranks[i] ?? 0) - term.length + 3 : 0));
  if (spare.includes(null)) return null;
  const most = Math.max(0, ...spare.map(Number)), free = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ').filter((letter) => !equation.includes(letter)).slice(0, most);
  const write = (term: string, count: number): string => term.replace('...', free.slice(most - count).join(''));
  const letters = [...left.replace(/[,.]/g, '')], once = [...new Set(letters)].filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter)).sort().join('');
  return { terms: given.map((term, i) => write(term, Number(spare[i]))), result: write(right ?? `${left.includes('...') ? '...' : ''}${once}`, most) };
}
