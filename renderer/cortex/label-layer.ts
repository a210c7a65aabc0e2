/** Names of the regions over the canvas: HTML, moved after each frame, hidden when turned away or covered, never on top of each other. */
import type { Hemisphere } from '../../common/dataset.ts';
import type { CortexScene } from './scene.ts';
import type { RegionMark } from './regions.ts';

export interface PlacedLabel {
  readonly name: string;
  readonly hemisphere: Hemisphere;
  /** Middle of the text and the point it names, in CSS pixels of the canvas. */
  readonly x: number;
  readonly y: number;
  readonly anchorX: number;
  readonly anchorY: number;
}

export interface LabelLayer {
  setMarks(hemisphere: Hemisphere, marks: readonly RegionMark[]): void;
  setShown(shown: boolean): void;
  setSelected(region: string | null): void;
  /** Follows the scene; while it moves, only positions change, not which are hidden. */
  follow(scene: CortexScene, settled: boolean): void;
  dispose(): void;
}

interface Entry {
  readonly mark: RegionMark;
  readonly hemisphere: Hemisphere;
  readonly element: HTMLButtonElement;
  readonly leader: HTMLDivElement;
  visible: boolean;
}

/** Where a name may go when its own place is taken. */
const OFFSETS: readonly (readonly [number, number])[] = [[0, 0], [0, -20], [0, 20], [38, -10], [-38, -10], [38, 14], [-38, 14], [0, -38], [0, 38]];
const LINE = 18;
const widthOf = (name: string): number => 10 + name.length * 6.6;

/** Puts names without overlaps, the largest regions first; one that fits nowhere is left out. */
export function arrangeLabels(wanted: readonly { readonly name: string; readonly hemisphere: Hemisphere; readonly x: number; readonly y: number; readonly weight: number }[]): readonly PlacedLabel[] {
  const placed: PlacedLabel[] = [];
  const collides = (x: number, y: number, width: number): boolean =>
    placed.some((other) => Math.abs(other.x - x) < (width + widthOf(other.name)) / 2 + 2 && Math.abs(other.y - y) < LINE);
  for (const label of wanted.toSorted((a, b) => b.weight - a.weight || a.name.localeCompare(b.name))) {
    const width = widthOf(label.name);
    const offset = OFFSETS.find(([dx, dy]) => !collides(label.x + dx, label.y + dy, width));
    if (offset !== undefined) placed.push({ name: label.name, hemisphere: label.hemisphere, x: label.x + offset[0], y: label.y + offset[1], anchorX: label.x, anchorY: label.y });
  }
  return placed;
}

export function createLabelLayer(container: HTMLElement, onPick: (region: string) => void): LabelLayer {
  const entries: Entry[] = [];
  let shown = true;
  let selected: string | null = null;

  const hide = (entry: Entry): void => { entry.element.style.opacity = '0'; entry.element.style.pointerEvents = 'none'; entry.leader.style.opacity = '0'; };
  const remove = (keep: (entry: Entry) => boolean): void => {
    for (let i = entries.length - 1; i >= 0; i--) {
      const entry = entries[i];
      if (entry === undefined || keep(entry)) continue;
      entry.element.remove();
      entry.leader.remove();
      entries.splice(i, 1);
    }
  };

  return {
    setMarks(hemisphere, marks) {
      remove((entry) => entry.hemisphere !== hemisphere);
      for (const mark of marks) {
        const element = document.createElement('button');
        element.type = 'button';
        element.className = 'region-label';
        element.tabIndex = -1;
        element.textContent = mark.name;
        element.dataset['selected'] = String(mark.name === selected);
        element.addEventListener('click', () => { onPick(mark.name); });
        const leader = document.createElement('div');
        leader.className = 'region-leader';
        container.append(leader, element);
        const entry = { mark, hemisphere, element, leader, visible: false };
        hide(entry);
        entries.push(entry);
      }
    },
    setShown(next) {
      shown = next;
      if (!shown) entries.forEach(hide);
    },
    setSelected(region) {
      selected = region;
      for (const entry of entries) entry.element.dataset['selected'] = String(entry.mark.name === region);
    },
    follow(scene, settled) {
      if (!shown) return;
      const points = entries.map((entry) => ({ entry, point: scene.project({ hemisphere: entry.hemisphere, vertex: entry.mark.centre }) }));
      if (settled) for (const { entry, point } of points) entry.visible = point.visible;
      const placed = arrangeLabels(points.filter(({ entry }) => entry.visible && settled)
        .map(({ entry, point }) => ({ name: entry.mark.name, hemisphere: entry.hemisphere, x: point.x, y: point.y, weight: entry.mark.vertices + (entry.mark.name === selected ? 1e9 : 0) })));
      for (const { entry } of points) {
        const place = placed.find((each) => each.name === entry.mark.name && each.hemisphere === entry.hemisphere);
        if (place === undefined) { hide(entry); continue; }
        entry.element.style.opacity = '1';
        entry.element.style.pointerEvents = 'auto';
        entry.element.style.transform = `translate(-50%, -50%) translate(${place.x.toFixed(1)}px, ${place.y.toFixed(1)}px)`;
        const dx = place.anchorX - place.x, dy = place.anchorY - place.y, length = Math.hypot(dx, dy);
        entry.leader.style.opacity = length > 4 ? '1' : '0';
        if (length > 4) {
          entry.leader.style.width = `${length.toFixed(1)}px`;
          entry.leader.style.transform = `translate(${place.x.toFixed(1)}px, ${place.y.toFixed(1)}px) rotate(${Math.atan2(dy, dx).toFixed(3)}rad)`;
        }
      }
    },
    dispose() { remove(() => false); },
  };
}
