/** The choices of a model pack: the shipped one, folders used before, and whatever the form names now. Pure. */
import type { AppInfo } from '../../../common/contract/payloads.ts';

export interface PackOption {
  /** As a recipe names it. */
  readonly value: string;
  readonly label: string;
  /** Where it is, or what it is. */
  readonly note: string;
  /** True for a folder that cannot be reached. */
  readonly missing: boolean;
}

const DEMO: PackOption = { value: 'demo', label: 'Demo pack', note: 'Shipped; tiny, trained on synthetic scenes', missing: false };

const parts = (path: string): string[] => path.split(/[\\/]/).filter((part) => part !== '');
const lastOf = (path: string): string => parts(path).at(-1) ?? path;

/** Newest first; names that occur twice are told apart by the folder above them. */
export function packOptions({ recents }: AppInfo['packs'], current: string): readonly PackOption[] {
  const known = recents.map(({ path, label, reachable }): PackOption => ({ value: path, label, note: path, missing: !reachable }));
  const own = current === DEMO.value || known.some(({ value }) => value === current) ? [] : [{ value: current, label: lastOf(current), note: current, missing: false }];
  const folders = [...own, ...known];
  return [DEMO, ...folders.map((option) => {
    const twice = folders.filter(({ label }) => label === option.label).length > 1, above = parts(option.value).at(-2);
    return twice && above !== undefined ? { ...option, label: `${option.label} (${above})` } : option;
  })];
}
