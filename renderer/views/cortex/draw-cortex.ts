/** The cortex view as a figure: rendered at the size asked for, with title, colour bar, caveat and the names of the regions drawn in. */
import { colourAt, LUTS } from '../../../common/colour/luts.ts';
import { formatValue, ruleOf } from '../../../common/colour/scale.ts';
import type { Scale } from '../../../common/colour/scale.ts';
import type { VoxelMap } from '../../../common/contract/payloads.ts';
import { arrangeLabels } from '../../cortex/label-layer.ts';
import type { CortexScene } from '../../cortex/scene.ts';
import type { Hit } from '../../cortex/stage.ts';

export interface CortexFigure {
  readonly scene: CortexScene;
  readonly width: number;
  readonly height: number;
  readonly ground: 'white' | 'dark' | 'none';
  readonly supersample: number;
  readonly map: VoxelMap | null;
  readonly scale: Scale | null;
  readonly labels: readonly { readonly name: string; readonly at: Hit; readonly weight: number }[];
  readonly title: string;
  readonly subtitle: string;
  readonly synthetic: boolean;
}

export async function drawCortex(figure: CortexFigure): Promise<HTMLCanvasElement> {
  const { scene, width, height, map, scale } = figure;
  const dark = figure.ground === 'dark';
  const ink = dark ? '#E8EAED' : '#1A1D21', quiet = dark ? '#A9B0BB' : '#50575F';
  const ground = figure.ground === 'none' ? null : dark ? '#16181C' : '#FFFFFF';
  const unit = Math.max(0.5, Math.min(width / 1200, height / 800));
  // Labels are placed for the screen's camera at the picture's shape; occlusion does not depend on the size.
  const seen = figure.labels.filter((label) => scene.project(label.at).visible);
  const pixels = await scene.render({ width, height, background: ground, dark, supersample: figure.supersample });
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this computer gave no drawing surface of that size');
  context.putImageData(new ImageData(pixels, width, height), 0, 0);
  context.textBaseline = 'middle';
  const write = (text: string, x: number, y: number, size: number, colour: string, weight = 400, align: CanvasTextAlign = 'left', most?: number): void => {
    context.font = `${weight} ${size * unit}px 'Inter Variable', sans-serif`;
    context.fillStyle = colour;
    context.textAlign = align;
    context.fillText(text, x, y, most);
  };
  const margin = 28 * unit;
  write(figure.title, margin, margin + 8 * unit, 18, ink, 600, 'left', width - 2 * margin - 170 * unit);
  write(figure.subtitle, margin, margin + 32 * unit, 12, quiet, 400, 'left', width - 2 * margin);
  if (figure.synthetic) {
    context.font = `600 ${12 * unit}px 'Inter Variable', sans-serif`;
    write('SYNTHETIC DATA', width - margin, margin + 8 * unit, 12, dark ? '#E8B04A' : '#8A5A00', 600, 'right');
  }
  const placed = arrangeLabels(seen.map(({ name, at, weight }) => {
    const point = scene.projectFor(at, width / height);
    return { name, hemisphere: at.hemisphere, weight, x: (point.x * width) / unit, y: (point.y * height) / unit };
  }));
  for (const label of placed) {
    const x = label.x * unit, y = label.y * unit;
    context.strokeStyle = dark ? 'rgb(11 13 16 / 85%)' : 'rgb(255 255 255 / 88%)';
    context.lineWidth = 3.5 * unit;
    context.lineJoin = 'round';
    context.font = `600 ${12 * unit}px 'Inter Variable', sans-serif`;
    context.textAlign = 'center';
    context.strokeText(label.name, x, y);
    write(label.name, x, y, 12, ink, 600, 'center');
  }
  if (map !== null && scale !== null) {
    const barWidth = 260 * unit, left = margin, top = height - margin - 44 * unit;
    for (let i = 0; i < barWidth; i++) {
      context.fillStyle = `rgb(${colourAt(LUTS[scale.lut], i / barWidth).join(' ')})`;
      context.fillRect(left + i, top, 1.5, 12 * unit);
    }
    write(formatValue(scale.low), left, top + 24 * unit, 11, quiet);
    if (scale.signed) write('0', left + barWidth / 2, top + 24 * unit, 11, quiet, 400, 'center');
    write(formatValue(scale.high), left + barWidth, top + 24 * unit, 11, quiet, 400, 'right');
    write(`${map.title} (${map.unit})`, left, top - 12 * unit, 12, ink, 600);
    write(`${ruleOf(scale)}. ${map.caveat}`, left, top + 42 * unit, 11, quiet, 400, 'left', width - 2 * margin);
  }
  return canvas;
}
