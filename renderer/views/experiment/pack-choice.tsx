/** The model pack of the form: the shipped one, a folder used before, or another folder; below it what the pack is and takes. */
import { Select } from '@mantine/core';
import { Box, Check, FolderOpen, FolderX, Package } from 'lucide-react';
import { useEffect, useRef } from 'react';
import type { Recipe } from '../../../common/recipe.ts';
import { checkPack, choosePack, refreshPacks } from '../../state/actions.ts';
import { useLab, usePackState, useServices } from '../../state/app-context.ts';
import { packKey } from '../../state/pack-state.ts';
import { PackNote } from './pack-note.tsx';
import { packOptions } from './pack-options.ts';
import type { PackOption } from './pack-options.ts';

/** Wait after a change of the form: counting a pack's memory takes a second. */
const SETTLE_MS = 500;
/** No folder is called this: Choose is an action among the choices. */
const OTHER: PackOption = { value: ':other', label: 'Choose a folder …', note: 'An ONNX export of Stable Diffusion v1 and CLIP', missing: false };
const NOTHING_KNOWN = { chosen: 'demo', recents: [] } as const;

/** Asks about the recipe's pack: at once for another pack, and a little after the last change of what its memory depends on. */
function useCheck(recipe: Recipe, images: number): void {
  const services = useServices(), known = usePackState((s) => s.pack), key = packKey(recipe, images), age = useLab((s) => s.engineAge);
  useEffect(() => {
    const timer = setTimeout(() => { void checkPack(services, recipe, images); }, known === recipe.pack ? SETTLE_MS : 0);
    return () => { clearTimeout(timer); };
  }, [services, key, age]); // the key holds all of the recipe that the answer depends on
}

/** Brings the choice into sight when the answer about a newly chosen pack has come: it may be below the fold, or the form scrolled away when a folder was dropped. */
function useNews(wanted: string): React.RefObject<HTMLDivElement | null> {
  const { pack, answered } = usePackState((s) => s), place = useRef<HTMLDivElement>(null), shown = useRef(pack ?? wanted), told = pack === wanted && answered !== null;
  useEffect(() => {
    const element = place.current, form = element?.closest('.scroll');
    if (!told || shown.current === pack || element === null || form === null || form === undefined) return;
    shown.current = wanted;
    element.scrollIntoView({ block: element.offsetHeight > form.clientHeight ? 'start' : 'nearest' });
  }, [told, pack, wanted]);
  return place;
}

function Option({ option, chosen }: { readonly option: PackOption; readonly chosen: boolean }) {
  const Icon = option.value === OTHER.value ? FolderOpen : option.missing ? FolderX : option.value === NOTHING_KNOWN.chosen ? Box : Package;
  return (
    <div className="pack-option" data-missing={option.missing}>
      <Icon size={15} aria-hidden="true" />
      <div className="grow">
        <div className="row" style={{ gap: 6 }}><span className="truncate">{option.label}</span>{option.missing && <span className="warn">missing</span>}</div>
        <div className="quiet truncate-start pack-path" title={option.note}><bdi>{option.note}</bdi></div>
      </div>
      {chosen && <Check size={14} aria-hidden="true" />}
    </div>
  );
}

export function PackChoice({ recipe, images, change }: { readonly recipe: Recipe; readonly images: number; readonly change: (pack: string) => void }) {
  const services = useServices(), packs = useLab((s) => s.info?.packs) ?? NOTHING_KNOWN;
  useCheck(recipe, images);
  const place = useNews(recipe.pack);
  const options = [...packOptions(packs, recipe.pack), OTHER], now = options.find(({ value }) => value === recipe.pack);
  return (
    <div className="field-group" style={{ gap: 8 }} ref={place}>
      <Select label="Model pack" description="The networks: z, c and Z_CLIP of the training pictures, and the picture made from what is decoded." value={recipe.pack} withScrollArea={false} styles={{ dropdown: { maxHeight: 340, overflowY: 'auto' } }} allowDeselect={false}
        data={options.map(({ value, label }) => ({ value, label }))} renderOption={({ option, checked }) => <Option chosen={checked === true} option={options.find(({ value }) => value === option.value) ?? OTHER} />}
        leftSection={now?.missing === true ? <FolderX size={14} className="error" aria-hidden="true" /> : recipe.pack === NOTHING_KNOWN.chosen ? <Box size={14} aria-hidden="true" /> : <Package size={14} aria-hidden="true" />}
        onDropdownOpen={() => { void refreshPacks(services).catch(() => undefined); /* the list that is there stays */ }}
        onChange={(value) => { if (value === OTHER.value) void choosePack(services); else if (value !== null) change(value); }} />
      <PackNote recipe={recipe} images={images} missing={now?.missing === true} />
    </div>
  );
}
