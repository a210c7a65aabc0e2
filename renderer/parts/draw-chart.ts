/** Paints the marks of a chart: on the screen in the colours of the theme, in a file in ink on white. */
import type { Chart, Ink, Mark } from './chart.ts';

export type Palette = { readonly [Role in Extract<Ink, 'text' | 'secondary' | 'hairline' | 'warn'>]: string };

/** Ink on paper. */
export const PAPER: Palette = { text: '#1A1D21', secondary: '#50575F', hairline: '#DDE0E5', warn: '#8A5A00' };

const FONT = "'Inter Variable', sans-serif";

export function paintChart(context: CanvasRenderingContext2D, marks: readonly Mark[], palette: Palette): void {
  const ink = (colour: Ink): string => (colour === 'text' || colour === 'secondary' || colour === 'hairline' || colour === 'warn' ? palette[colour] : colour);
  for (const mark of marks) {
    switch (mark.kind) {
      case 'rect':
        context.globalAlpha = mark.opacity ?? 1;
        context.fillStyle = ink(mark.fill);
        context.fillRect(mark.x, mark.y, mark.w, mark.h);
        context.globalAlpha = 1;
        break;
      case 'line':
        context.strokeStyle = ink(mark.stroke);
        context.lineWidth = mark.width ?? 1;
        context.setLineDash(mark.dash === true ? [4, 3] : []);
        context.beginPath();
        context.moveTo(mark.x1, mark.y1);
        context.lineTo(mark.x2, mark.y2);
        context.stroke();
        context.setLineDash([]);
        break;
      case 'text':
        context.save();
        context.font = `11px ${FONT}`;
        context.fillStyle = ink(mark.fill);
        context.textAlign = mark.align;
        context.translate(mark.x, mark.y);
        if (mark.turned === true) context.rotate(-Math.PI / 2);
        context.fillText(mark.text, 0, 0);
        context.restore();
        break;
      default: { const never: never = mark; throw new RangeError(`unknown mark ${JSON.stringify(never)}`); }
    }
  }
}

export interface Caption {
  readonly title: string;
  /** Where the numbers come from. */
  readonly source: string;
  readonly synthetic: boolean;
}

/** A picture of its own, `scale` times as large as on the screen, with its title and source. */
export function drawChart(chart: Chart, { title, source, synthetic }: Caption, scale: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas'), margin = 16, head = 44, width = Math.max(chart.width, 420);
  canvas.width = Math.round((width + 2 * margin) * scale);
  canvas.height = Math.round((chart.height + head + 2 * margin) * scale);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this computer gave no drawing surface of that size');
  context.scale(scale, scale);
  context.fillStyle = '#FFFFFF';
  context.fillRect(0, 0, width + 2 * margin, chart.height + head + 2 * margin);
  context.fillStyle = PAPER.text;
  context.font = `600 14px ${FONT}`;
  context.fillText(title, margin, margin + 13);
  context.font = `11px ${FONT}`;
  context.fillStyle = PAPER.secondary;
  context.fillText(source, margin, margin + 30);
  if (synthetic) {
    context.fillStyle = PAPER.warn;
    context.textAlign = 'right';
    context.fillText('SYNTHETIC DATA', width + margin, margin + 13);
    context.textAlign = 'left';
  }
  context.translate(margin, margin + head);
  paintChart(context, chart.marks, PAPER);
  return canvas;
}
