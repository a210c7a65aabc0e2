/**
 * COCO-style facts of the demo pictures: captions, objects with outline and box, and the crop that NSD's picture table
 * gives. The "original" of a demo picture is 160 x 128 pixels, of which the stimulus shows a square.
 */
import type { Random } from '../../common/random.ts';
import type { Caption, CocoCategory, CocoImage, Instance } from '../formats/coco.ts';
import { REPEATS, TABLE_SUBJECTS, trialsOfPositions } from './design.ts';
import type { DemoDesign } from './design.ts';
import { SOLIDS } from './scene-solid.ts';
import { CATEGORIES, project } from './scene.ts';
import type { Scene, SceneObject } from './scene.ts';

export const SPLITS = ['train2017', 'val2017'] as const;
export type Split = (typeof SPLITS)[number];

const ORIGINAL = { width: 160, height: 128 };
const VAL_SHARE = 0.1;
const FIRST_COCO_ID = 900000;

export const COCO_CATEGORIES: readonly CocoCategory[] = CATEGORIES.map((name, i) => ({ id: i + 1, name, supercategory: 'solid' }));

export interface PictureEntry {
  readonly cocoId: number;
  readonly split: Split;
  /** Fractions of the original taken off at the left and right. */
  readonly left: number;
  readonly right: number;
}

/** Catalogue entry of every picture (0-based). */
export function catalogue(pictures: number, source: Random): readonly PictureEntry[] {
  const square = 1 - ORIGINAL.height / ORIGINAL.width;
  return Array.from({ length: pictures }, (_, n) => {
    const left = Math.round(source.uniform() * ORIGINAL.width * square) / ORIGINAL.width;
    return { cocoId: FIRST_COCO_ID + 7 * n, split: source.uniform() < VAL_SHARE ? 'val2017' : 'train2017', left, right: Math.round((square - left) * 1e6) / 1e6 };
  });
}

export function cocoImage(entry: PictureEntry): CocoImage {
  return { id: entry.cocoId, ...ORIGINAL, fileName: `${String(entry.cocoId).padStart(12, '0')}.png` };
}

export function cocoCaptions(entry: PictureEntry, texts: readonly string[]): readonly Caption[] {
  return texts.map((caption, i) => ({ id: entry.cocoId * 10 + i, imageId: entry.cocoId, caption }));
}

type Corner = readonly [number, number];

/** Convex hull of points in the plane, counter-clockwise (monotone chain). */
function convexHull(points: readonly Corner[]): readonly Corner[] {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = (list: readonly Corner[]): Corner[] => {
    const out: Corner[] = [];
    for (const p of list) {
      for (;;) {
        const a = out.at(-2), b = out.at(-1);
        if (a === undefined || b === undefined || (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]) > 0) break;
        out.pop();
      }
      out.push(p);
    }
    out.pop();
    return out;
  };
  return [...half(sorted), ...half(sorted.reverse())];
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

/** One object as COCO has it: convex outline, its box and area, in pixels of the original. */
function instanceOf(entry: PictureEntry, object: SceneObject, id: number): Instance {
  const cos = Math.cos(object.yaw) * object.scale, sin = Math.sin(object.yaw) * object.scale;
  const outline = convexHull(SOLIDS[object.category].surface.map(([x, y, z]): Corner => {
    const [u, v] = project(object.x + x * cos + z * sin, y * object.scale, object.z - x * sin + z * cos);
    return [entry.left * ORIGINAL.width + u * ORIGINAL.height, v * ORIGINAL.height];
  }));
  const xs = outline.map(([x]) => x), ys = outline.map(([, y]) => y);
  const left = Math.min(...xs), top = Math.min(...ys);
  let area = 0;
  outline.forEach(([x, y], i) => { const [nx, ny] = outline[(i + 1) % outline.length] ?? [x, y]; area += (x * ny - nx * y) / 2; });
  return {
    id, imageId: entry.cocoId, categoryId: CATEGORIES.indexOf(object.category) + 1, isCrowd: false, area: rounded(Math.abs(area)),
    bbox: [rounded(left), rounded(top), rounded(Math.max(...xs) - left), rounded(Math.max(...ys) - top)],
    segmentation: [outline.flatMap(([x, y]) => [rounded(x), rounded(y)])],
  };
}

export function cocoInstances(entry: PictureEntry, scene: Scene): readonly Instance[] {
  return [scene.main, ...(scene.second === undefined ? [] : [scene.second])].map((object, i) => instanceOf(entry, object, entry.cocoId * 10 + i));
}

/** Header and rows of `nsd_stim_info_merged.csv`, 41 columns as in NSD; subjects that the demo lacks have zeros. */
export function pictureTable(design: DemoDesign, entries: readonly PictureEntry[]): { readonly header: readonly string[]; readonly rows: readonly (readonly string[])[] } {
  const subjects = Array.from({ length: TABLE_SUBJECTS }, (_, s) => s);
  const header = ['', 'cocoId', 'cocoSplit', 'cropBox', 'loss', 'nsdId', 'flagged', 'BOLD5000', 'shared1000', ...subjects.map((s) => `subject${s + 1}`),
    ...subjects.flatMap((s) => Array.from({ length: REPEATS }, (_, r) => `subject${s + 1}_rep${r}`))];
  const trials = trialsOfPositions(design);
  const positions = subjects.map((s) => {
    const list = s < design.subjects ? design.subjectim.subarray(s * design.perSubject, (s + 1) * design.perSubject) : new Int32Array();
    return new Map(Array.from(list, (picture, i) => [picture - 1, i] as const));
  });
  const rows = entries.map((entry, n) => {
    const at = positions.map((map) => map.get(n));
    return [n, entry.cocoId, entry.split, `(0, 0, ${entry.left}, ${entry.right})`, 0, n, 'False', 'False', at[0] !== undefined && at[0] < design.shared ? 'True' : 'False',
      ...at.map((position) => (position === undefined ? 0 : 1)),
      ...at.flatMap((position) => Array.from({ length: REPEATS }, (_, r) => (position === undefined ? 0 : trials[position * REPEATS + r] ?? 0)))].map(String);
  });
  return { header, rows };
}
