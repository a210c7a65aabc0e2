/** The order of pictures, as both the gallery and its export use it. */
import type { ImageRow } from '../../../common/contract/payloads.ts';
import type { GalleryChoice } from '../../state/view-state.ts';
import { scoreTitle } from '../../state/selectors.ts';

export function sortImages(images: readonly ImageRow[], { sort, order }: Pick<GalleryChoice, 'sort' | 'order'>): readonly ImageRow[] {
  if (sort === 'id') return images.toSorted((a, b) => (order === 'best' ? a.imageId - b.imageId : b.imageId - a.imageId));
  const up = (scoreTitle(sort).better === 'higher') === (order === 'best') ? -1 : 1;
  // Pictures without this score come last either way.
  return images.toSorted((a, b) => {
    const x = a.scores[sort], y = b.scores[sort];
    if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined) || a.imageId - b.imageId;
    return up * (x - y) || a.imageId - b.imageId;
  });
}

/** The order in words, for captions: a grid must say how its pictures were chosen. */
export function ruleOfOrder({ sort, order }: Pick<GalleryChoice, 'sort' | 'order'>, shown: number, total: number): string {
  const which = shown < total ? `first ${shown} of ${total}` : `all ${total}`;
  if (sort === 'id') return `${which} images by ${order === 'best' ? 'ascending' : 'descending'} image id`;
  return `${which} images by ${scoreTitle(sort).title}, ${order === 'best' ? 'best' : 'worst'} first`;
}
