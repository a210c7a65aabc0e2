/** The gallery as a figure: pairs in columns, scores under them, the rule of choice in words. Drawn, not photographed from the screen. */
import { formatValue } from '../../../common/colour/scale.ts';
import type { ImageRow, RunDetail } from '../../../common/contract/payloads.ts';
import { scoreTitle } from '../../state/selectors.ts';

export interface GalleryFigure {
  readonly detail: RunDetail;
  readonly images: readonly ImageRow[];
  /** Pairs in a row. */
  readonly columns: number;
  /** Pixels of one picture's side; at least its own size, so that nothing is lost. */
  readonly tile: number;
  readonly score: string | null;
  readonly rule: string;
  readonly dark: boolean;
}

export interface FigureSize {
  readonly width: number;
  readonly height: number;
}

const metrics = (tile: number) => {
  const unit = tile / 128;
  return { unit, gutter: Math.round(6 * unit), pairGap: Math.round(20 * unit), line: Math.round(20 * unit), margin: Math.round(24 * unit), head: Math.round(66 * unit), foot: Math.round(42 * unit) };
};

export function galleryFigureSize(figure: Pick<GalleryFigure, 'images' | 'columns' | 'tile'>): FigureSize {
  const { gutter, pairGap, line, margin, head, foot } = metrics(figure.tile);
  const columns = Math.min(figure.columns, figure.images.length), rows = Math.ceil(figure.images.length / figure.columns);
  return {
    width: Math.max(2 * margin + columns * (2 * figure.tile + gutter) + (columns - 1) * pairGap, Math.round(560 * (figure.tile / 128))),
    height: 2 * margin + head + rows * (figure.tile + line) + (rows - 1) * gutter + foot,
  };
}

function load(url: string): Promise<HTMLImageElement> {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => { resolve(image); };
    image.onerror = () => { reject(new Error(`the picture ${url} could not be read`)); };
    image.src = url;
  });
}

export async function drawGallery(figure: GalleryFigure): Promise<HTMLCanvasElement> {
  const { detail, images, columns, tile, score } = figure;
  const { unit, gutter, pairGap, line, margin, head } = metrics(tile);
  const { width, height } = galleryFigureSize(figure);
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this computer gave no drawing surface of that size');
  const ink = figure.dark ? '#E8EAED' : '#1A1D21', quiet = figure.dark ? '#A9B0BB' : '#50575F';
  const write = (text: string, x: number, y: number, size: number, colour: string, weight = 400, align: CanvasTextAlign = 'left'): void => {
    context.font = `${weight} ${size * unit}px 'Inter Variable', sans-serif`;
    context.fillStyle = colour;
    context.textAlign = align;
    context.fillText(text, x, y);
  };
  context.fillStyle = figure.dark ? '#16181C' : '#FFFFFF';
  context.fillRect(0, 0, width, height);
  context.textBaseline = 'alphabetic';
  write(detail.row.name, margin, margin + 18 * unit, 18, ink, 600);
  write(`${detail.row.dataLabel}, ${detail.row.subject}. Left of each pair: seen; right: reconstructed.`, margin, margin + 38 * unit, 12, quiet);
  if (detail.row.synthetic) write('SYNTHETIC DATA', width - margin, margin + 18 * unit, 12, figure.dark ? '#E8B04A' : '#8A5A00', 600, 'right');
  const top = margin + head;
  for (const [i, image] of images.entries()) {
    const x = margin + (i % columns) * (2 * tile + gutter + pairGap), y = top + Math.floor(i / columns) * (tile + line + gutter);
    const [truth, reconstruction] = await Promise.all([load(image.truthUrl), load(image.reconstructionUrl)]);
    context.drawImage(truth, x, y, tile, tile);
    context.drawImage(reconstruction, x + tile + gutter, y, tile, tile);
    write(String(image.imageId), x, y + tile + 14 * unit, 11, quiet);
    const value = score === null ? undefined : image.scores[score];
    if (value !== undefined && score !== null) write(`${scoreTitle(score).short} ${formatValue(value)}`, x + 2 * tile + gutter, y + tile + 14 * unit, 11, quiet, 400, 'right');
  }
  const summary = score === null ? undefined : detail.row.summary?.scores[score];
  const foot = summary === undefined || score === null ? '' : `. Mean ${scoreTitle(score).title} ${formatValue(summary.value)} over ${detail.row.summary?.images ?? 0} images (shuffled pairs ${formatValue(summary.baseline)})`;
  write(`Shown: ${figure.rule}${foot}. Seed ${detail.recipe.seed}.`, margin, height - margin, 11, quiet);
  return canvas;
}
