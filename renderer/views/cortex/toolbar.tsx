import { ActionIcon, Button, Checkbox, Menu, Popover, SegmentedControl, Select, Slider, Tooltip } from '@mantine/core';
import { BookOpen, Brain, Eye, House, Rows2, Settings2, Square, SquareSplitHorizontal, Tag } from 'lucide-react';
import { cssGradient, lutChoices, LUTS } from '../../../common/colour/luts.ts';
import type { LutName } from '../../../common/colour/luts.ts';
import { LAYOUTS } from '../../cortex/placement.ts';
import type { LayoutName } from '../../cortex/placement.ts';
import type { ViewName } from '../../cortex/scene.ts';
import { showView } from '../../state/commands.ts';
import { useServices, useView } from '../../state/app-context.ts';
import type { Surface } from './use-surfaces.ts';

const LAYOUT_ICONS: { readonly [L in LayoutName]: typeof Brain } = { together: Brain, apart: SquareSplitHorizontal, lateral: Rows2, medial: BookOpen };
const VIEWS: readonly (readonly [ViewName, string])[] = [['lateral-left', 'Left, outer side'], ['lateral-right', 'Right, outer side'], ['medial-left', 'Left, midline'], ['medial-right', 'Right, midline'], ['ventral', 'From below'], ['posterior', 'From behind']];

function Tool({ label, on, onClick, children }: { readonly label: string; readonly on?: boolean; readonly onClick: () => void; readonly children: React.ReactNode }) {
  return <Tooltip label={label}><ActionIcon size={30} aria-label={label} aria-pressed={on} variant={on === true ? 'light' : 'subtle'} color={on === true ? 'accent' : 'gray'} onClick={onClick}>{children}</ActionIcon></Tooltip>;
}

function Regions({ surfaces }: { readonly surfaces: readonly Surface[] }) {
  const { view } = useServices();
  const hidden = useView((s) => s.look.hiddenRegions);
  const names = [...new Set(surfaces.flatMap((surface) => surface.labels?.names ?? []))].filter((name) => surfaces.some((surface) => surface.labels?.labels.includes(surface.labels.names.indexOf(name))));
  if (names.length === 0) return <div className="quiet" style={{ fontSize: 12 }}>This atlas has no surface labels.</div>;
  return (
    <div>
      <div className="row" style={{ justifyContent: 'space-between', paddingBottom: 4 }}><span className="section-title">Regions drawn</span>
        <Button size="compact-xs" variant="subtle" color="gray" onClick={() => { view.look('Regions', { hiddenRegions: hidden.length > 0 ? [] : names }); }}>{hidden.length > 0 ? 'All' : 'None'}</Button></div>
      <div className="region-list" style={{ maxHeight: 170 }}>
        {names.map((name) => <label className="region-choice" key={name}><Checkbox size="xs" checked={!hidden.includes(name)} onChange={() => { view.look(`Region ${name}`, { hiddenRegions: hidden.includes(name) ? hidden.filter((each) => each !== name) : [...hidden, name] }); }} /><span className="truncate">{name}</span></label>)}
      </div>
    </div>
  );
}

export function Toolbar({ surfaces, signed, dark, atlases, atlas }: {
  readonly surfaces: readonly Surface[]; readonly signed: boolean; readonly dark: boolean; readonly atlases: readonly string[]; readonly atlas: string | null;
}) {
  const services = useServices();
  const { view, cortex } = services;
  const look = useView((s) => s.look);
  const luts = lutChoices(signed, dark);
  const lut = signed ? look.lutSigned : look.lutUnsigned ?? luts[0];
  return (
    <div className="tools">
      <div className="tool-group" role="group" aria-label="Layout of the hemispheres">
        {(Object.keys(LAYOUTS) as LayoutName[]).map((name) => {
          const Icon = LAYOUT_ICONS[name];
          return <Tool key={name} label={`${LAYOUTS[name].title}: ${LAYOUTS[name].hint.toLowerCase()}`} on={look.layout === name} onClick={() => { view.look(LAYOUTS[name].title, { layout: name }); }}><Icon size={16} /></Tool>;
        })}
      </div>
      <div className="tool-group" role="group" aria-label="Hemispheres">
        <Tool label="Left hemisphere (Shift + L)" on={look.left} onClick={() => { view.look('Left hemisphere', { left: !look.left || !look.right }); }}><b className="letter">L</b></Tool>
        <Tool label="Right hemisphere (Shift + R)" on={look.right} onClick={() => { view.look('Right hemisphere', { right: !look.right || !look.left }); }}><b className="letter">R</b></Tool>
      </div>
      <div className="tool-group">
        <Tool label="Outlines (O)" on={look.outlines} onClick={() => { view.look('Outlines', { outlines: !look.outlines }); }}><Square size={16} /></Tool>
        <Tool label="Labels (T)" on={look.labels} onClick={() => { view.look('Labels', { labels: !look.labels }); }}><Tag size={16} /></Tool>
      </div>
      <Menu position="bottom-end" width={210}>
        <Menu.Target><Tooltip label="Standard views (1 to 6)"><ActionIcon size={30} aria-label="Standard views"><Eye size={16} /></ActionIcon></Tooltip></Menu.Target>
        <Menu.Dropdown>
          {VIEWS.map(([name, title], i) => <Menu.Item key={name} rightSection={<span className="kbd">{i + 1}</span>} onClick={() => { showView(services, name); }}>{title}</Menu.Item>)}
        </Menu.Dropdown>
      </Menu>
      <Tool label="Reset the camera (Home)" onClick={() => { cortex.current?.home(); }}><House size={16} /></Tool>
      <Popover position="bottom-end" width={300}>
        <Popover.Target><Tooltip label="How maps and regions are drawn"><ActionIcon size={30} aria-label="Appearance"><Settings2 size={16} /></ActionIcon></Tooltip></Popover.Target>
        <Popover.Dropdown>
          <div className="field-group" style={{ gap: 12 }}>
            <div>
              <div className="section-title" style={{ paddingBottom: 6 }}>Colour map</div>
              <div className="lut-list">{luts.map((name: LutName) => (
                <button type="button" key={name} className="lut" aria-pressed={name === lut} onClick={() => { view.look('Colour map', signed ? { lutSigned: name } : { lutUnsigned: name }); }}>
                  <i style={{ background: cssGradient(LUTS[name]) }} /><span>{LUTS[name].title}</span>
                </button>
              ))}</div>
            </div>
            <div>
              <div className="section-title" style={{ paddingBottom: 6 }}>Below the threshold</div>
              <SegmentedControl fullWidth value={look.below} data={[{ value: 'fade', label: 'Fade' }, { value: 'hide', label: 'Hide' }, { value: 'show', label: 'Show all' }]} onChange={(value) => { view.look('Threshold rule', { below: value }); }} />
              <Checkbox mt={8} label="Contour at the threshold" checked={look.contour} onChange={(event) => { view.look('Contour', { contour: event.currentTarget.checked }); }} />
            </div>
            <div>
              <div className="section-title">Opacity of the map</div>
              <Slider size="sm" min={0} max={1} step={0.01} label={null} value={look.opacity} onChange={(opacity) => { view.look('Opacity', { opacity }); }} aria-label="Opacity of the map" />
            </div>
            <div>
              <div className="section-title" style={{ paddingBottom: 6 }}>Underlay</div>
              <SegmentedControl fullWidth value={look.softUnderlay ? 'soft' : 'two'} data={[{ value: 'two', label: 'Two tones' }, { value: 'soft', label: 'Smooth' }]} onChange={(value) => { view.look('Underlay', { softUnderlay: value === 'soft' }); }} />
              <Slider mt={10} size="sm" min={0} max={1.4} step={0.01} label={null} value={look.contrast} onChange={(contrast) => { view.look('Underlay contrast', { contrast }); }} aria-label="Contrast of the underlay" />
            </div>
            {atlases.length > 0 && <Select label="Atlas drawn" data={[...atlases]} value={atlas} onChange={(value) => { view.look('Atlas', { atlas: value, hiddenRegions: [] }); }} comboboxProps={{ withinPortal: false }} />}
            <Regions surfaces={surfaces} />
          </div>
        </Popover.Dropdown>
      </Popover>
    </div>
  );
}
