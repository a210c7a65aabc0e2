/** Percentile rank of each value among all, 0..100; equal values share the mean rank, NaN stays NaN. */
export function percentileRanks(values: ArrayLike<number>): Float32Array {
  const order = Array.from({ length: values.length }, (_, i) => i).filter((i) => !Number.isNaN(values[i])).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const ranks = new Float32Array(values.length).fill(Number.NaN);
  for (let from = 0; from < order.length;) {
    let to = from;
    while (to + 1 < order.length && values[order[to + 1] ?? 0] === values[order[from] ?? 0]) to++;
    const rank = order.length === 1 ? 50 : (100 * (from + to)) / 2 / (order.length - 1);
    for (let i = from; i <= to; i++) ranks[order[i] ?? 0] = rank;
    from = to + 1;
  }
  return ranks;
}
