/** What a running experiment takes: time left of the step, memory of the process that works on it, and the ceiling of a fit, which can be set. */
import { Button, NumberInput, Popover } from '@mantine/core';
import { useState } from 'react';
import type { RunRow } from '../../../common/contract/payloads.ts';
import { Bar } from '../../parts/marks.tsx';
import { bytes, timeLeft } from '../../parts/words.ts';
import { setMemory } from '../../state/actions.ts';
import { useLab, useServices } from '../../state/app-context.ts';

const GIGA = 1e9;

/** The most that a fit may take, with a field that changes it for the fits that begin from then on. */
export function MemoryCeiling() {
  const services = useServices(), memory = useLab((s) => s.info?.memory ?? null), [typed, setTyped] = useState<number | string | null>(null), [opened, setOpened] = useState(false);
  if (memory === null) return null;
  const value = typed ?? memory.ceiling / GIGA, valid = typeof value === 'number' && value >= 0.1 && value <= 10_000;
  const keep = (ceiling: number | null): void => { setOpened(false); setTyped(null); void setMemory(services, ceiling); };
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-start" withArrow trapFocus>
      <Popover.Target><button type="button" className="memory-ceiling number" onClick={() => { setOpened(!opened); }}>{bytes(memory.ceiling)}</button></Popover.Target>
      <Popover.Dropdown>
        <div className="field-group" style={{ width: 260 }}>
          <NumberInput label="A fit may take at most (GB)" description={`This computer has ${bytes(memory.installed)}. Counts from the next run on; results do not depend on it beyond rounding.`} min={0.1} max={10_000} step={1} decimalScale={1} value={value} onChange={setTyped} data-autofocus />
          <div className="row"><Button size="compact-sm" disabled={!valid} onClick={() => { if (typeof value === 'number') keep(Math.round(value * GIGA)); }}>Keep</Button><Button size="compact-sm" variant="default" disabled={memory.isDefault} onClick={() => { keep(null); }}>Default</Button></div>
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

export function LiveFacts({ row }: { readonly row: RunRow }) {
  const ceiling = useLab((s) => s.info?.memory.ceiling ?? null), { memory } = row;
  return (
    <dl className="live-facts number">
      <div><dt>This step</dt><dd>{timeLeft(row.stepSecondsLeft ?? null)}</dd></div>
      <div><dt>Memory of the engine</dt><dd>{memory === null || memory === undefined ? 'not known' : `${bytes(memory.bytes)}, at most ${bytes(memory.peak)} so far`}
        {memory !== null && memory !== undefined && ceiling !== null && <div className="memory-bar"><Bar value={memory.bytes} max={ceiling} baseline={memory.peak} height={4} colour={memory.peak > ceiling ? 'var(--warn)' : 'var(--accent)'} /></div>}</dd></div>
      <div><dt>A fit may take</dt><dd><MemoryCeiling /></dd></div>
    </dl>
  );
}
