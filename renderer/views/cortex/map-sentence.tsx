import { Menu } from '@mantine/core';
import { Check, ChevronDown } from 'lucide-react';
import { FAMILIES } from '../../../common/colour/families.ts';
import type { RunDetail } from '../../../common/contract/payloads.ts';
import { MAP_KINDS } from '../../../common/map-kinds.ts';
import { useServices, useView } from '../../state/app-context.ts';
import type { MapChoice } from './use-map.ts';

function Word({ text, children, width = 280 }: { readonly text: React.ReactNode; readonly children: React.ReactNode; readonly width?: number }) {
  return (
    <Menu position="bottom-start" width={width}>
      <Menu.Target><button type="button" className="word">{text}<ChevronDown size={13} aria-hidden="true" /></button></Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: 'auto' }}>{children}</Menu.Dropdown>
    </Menu>
  );
}

/** One readable sentence in place of menus: Show contribution of semantic features for image 12. */
export function MapSentence({ choice, detail, imageId }: { readonly choice: MapChoice; readonly detail: RunDetail; readonly imageId: number | null }) {
  const { view } = useServices();
  const look = useView((s) => s.look);
  const kind = choice.request?.kind ?? (choice.kinds.includes(look.kind) ? look.kind : choice.kinds[0]);
  if (kind === undefined) return null;
  const entry = MAP_KINDS[kind];
  const space = choice.request?.space ?? (choice.spaces.includes(look.space) ? look.space : choice.spaces[0]);
  return (
    <div className="sentence">
      <span className="quiet">Show</span>
      <Word width={330} text={<b>{entry.title.toLowerCase()}</b>}>
        {choice.kinds.map((each) => (
          <Menu.Item key={each} rightSection={each === kind ? <Check size={14} /> : null} onClick={() => { view.look(MAP_KINDS[each].title, { kind: each, limits: null }); }}>
            {MAP_KINDS[each].title}<div className="quiet" style={{ fontSize: 11, lineHeight: '15px', whiteSpace: 'normal' }}>{MAP_KINDS[each].caveat}</div>
          </Menu.Item>
        ))}
      </Word>
      {entry.perSpace && space !== undefined && <>
        <span className="quiet">of</span>
        <Word text={<><i className="space-dot" style={{ background: FAMILIES[space].colour }} /><b>{FAMILIES[space].title.toLowerCase()}</b> features</>}>
          {choice.spaces.map((each) => (
            <Menu.Item key={each} leftSection={<i className="space-dot" style={{ background: FAMILIES[each].colour, display: 'block' }} />} rightSection={each === space ? <Check size={14} /> : null} onClick={() => { view.look(`${FAMILIES[each].title} features`, { space: each, limits: null }); }}>
              {FAMILIES[each].title} <span className="mono quiet">{FAMILIES[each].short}</span><div className="quiet" style={{ fontSize: 11, lineHeight: '15px', whiteSpace: 'normal' }}>{FAMILIES[each].detail}</div>
            </Menu.Item>
          ))}
        </Word>
      </>}
      {entry.perImage && <>
        <span className="quiet">for</span>
        <Word width={160} text={<b className="number">{imageId === null ? 'an image' : `image ${imageId}`}</b>}>
          {detail.images.map((image) => <Menu.Item key={image.imageId} rightSection={image.imageId === imageId ? <Check size={14} /> : null} onClick={() => { view.select(`Image ${image.imageId}`, { imageId: image.imageId }); }}><span className="number">Image {image.imageId}</span></Menu.Item>)}
        </Word>
      </>}
    </div>
  );
}
