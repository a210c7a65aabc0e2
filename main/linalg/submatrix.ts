import { zeros } from '../../common/ndarray.ts';
import { PANEL_WIDTH, panelCount, panelRange } from './panels.ts';
import type { Panels, Range } from './panels.ts';

/** Rows and columns of a symmetric matrix that lie in the ascending, disjoint ranges, as a smaller symmetric matrix. */
export function submatrix(matrix: Panels, ranges: readonly Range[], width = PANEL_WIDTH): Panels {
  const kept: number[] = [];
  for (const [from, to] of ranges) for (let i = from; i < to; i++) kept.push(i);
  const size = kept.length;
  const panels = Array.from({ length: panelCount(size, width) }, (_, p) => {
    const [start, end] = panelRange({ size, width }, p);
    const columns = end - start;
    const out = zeros(matrix.dtype, [end, columns]);
    for (let j = start; j < end; j++) {
      const column = kept[j] ?? 0;
      const source = matrix.panels[Math.floor(column / matrix.width)];
      if (source === undefined) continue;
      const sourceWidth = source.shape[1] ?? 0;
      const offset = column % matrix.width;
      for (let i = 0; i <= j; i++) {
        const value = source.data[(kept[i] ?? 0) * sourceWidth + offset] ?? 0;
        out.data[i * columns + j - start] = value;
        // The diagonal block is kept whole.
        if (i >= start) out.data[j * columns + i - start] = value;
      }
    }
    return out;
  });
  return { dtype: matrix.dtype, size, width, panels };
}
