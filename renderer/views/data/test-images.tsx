import { Skeleton } from '@mantine/core';
import type { SubjectSummary } from '../../../common/dataset.ts';
import { Thumb } from '../../parts/marks.tsx';
import { useDetail } from '../../state/selectors.ts';
import { useResource } from '../../state/resources.ts';
import { useInspection } from '../../state/selectors.ts';
import { useLab, useServices } from '../../state/app-context.ts';

const SHOWN = 24;
const PIXELS = 96;

/** A look at the stimuli: the run's test images if there is one, else evenly spaced ones of the folder. */
export function TestImages({ subject }: { readonly subject: SubjectSummary }) {
  const { lab, resources } = useServices();
  const path = useLab((s) => s.dataPath);
  const inspection = useInspection();
  const detail = useDetail();
  const total = inspection?.stimuli?.images ?? 0;
  const ofRun = detail !== null && detail.row.subject === subject.id ? detail.images.slice(0, SHOWN).map((image) => image.imageId) : [];
  const ids = ofRun.length > 0 ? ofRun : Array.from({ length: Math.min(SHOWN, total) }, (_, i) => Math.floor((i * total) / Math.min(SHOWN, total)));
  const key = path === null || ids.length === 0 ? null : `stimuli ${path} ${PIXELS} ${ids.join()}`;
  const stack = useResource(resources, key, () => lab.view('data.stimuli', path ?? '', Int32Array.from(ids), PIXELS));
  const first = useResource(resources, path === null || ids[0] === undefined || inspection?.captions === null ? null : `captions ${path} ${ids[0]}`, () => lab.view('data.captions', path ?? '', ids[0] ?? 0));
  if (key === null) return null;
  return (
    <section className="data-section">
      <h2 className="section-title">{ofRun.length > 0 ? 'Pictures of the chosen run' : `Stimuli, every ${Math.max(1, Math.floor(total / SHOWN)).toLocaleString('en')}th`}</h2>
      <div className="card stimuli">
        {stack.state === 'ready'
          ? ids.map((id, i) => <div key={id} title={`Image ${id}`}><Thumb stack={stack.value} index={i} size={72} label={`Stimulus ${id}`} /></div>)
          : stack.state === 'failed' ? <div className="quiet" style={{ padding: 8 }}>{stack.error.message}</div>
            : ids.map((id) => <Skeleton key={id} width={72} height={72} radius={4} />)}
      </div>
      {first.state === 'ready' && first.value[0] !== undefined && <p className="quiet" style={{ fontSize: 12 }}>First picture: “{first.value[0]}”</p>}
    </section>
  );
}
