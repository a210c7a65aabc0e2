import { useEffect, useRef } from 'react';
import { formatValue } from '../../../common/colour/scale.ts';
import { useLab, useServices, useView } from '../../state/app-context.ts';

/** The readout under the pointer is written straight into the page: no rendering, same frame. */
export function StatusBar() {
  const { hover } = useServices();
  const ref = useRef<HTMLDivElement>(null);
  const path = useLab((s) => s.dataPath);
  const info = useLab((s) => s.info);
  const undoLabel = useView((s) => s.undoLabel);
  useEffect(() => hover.listen((now) => {
    if (ref.current === null) return;
    ref.current.textContent = now === null ? '' : [
      now.hemisphere === 'lh' ? 'L' : 'R', `vertex ${now.vertex.toLocaleString('en')}`, now.voxel >= 0 ? `voxel ${now.voxel.toLocaleString('en')}` : 'no voxel',
      now.region ?? 'outside the regions', Number.isNaN(now.value) ? '' : `${formatValue(now.value, { sign: now.signed })} ${now.unit}`,
    ].filter((part) => part !== '').join('   ');
  }), [hover]);
  return (
    <footer className="status-bar">
      <div ref={ref} className="number truncate grow" aria-live="off" />
      {undoLabel !== null && <span className="quiet truncate" style={{ maxWidth: 220 }}>Undo: {undoLabel}</span>}
      {path !== null && <span className="truncate-start mono quiet" style={{ maxWidth: 360, fontSize: 11 }} title={path}><bdi>{path}</bdi></span>}
      <span className="quiet">{info === null ? '' : `Optogram ${info.version}`}</span>
    </footer>
  );
}
