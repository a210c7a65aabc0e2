/** The model pack of the form before it is opened: what it lacks, or what memory the run will take of what is free, and where it will run. */
import { ChevronDown, ChevronRight, CircleAlert, Cpu } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { NetworkMemory, PackReport } from '../../../common/contract/pack-report.ts';
import type { ErrorReport } from '../../../common/errors.ts';
import type { Recipe } from '../../../common/recipe.ts';
import { reportFrom } from '../../lab.ts';
import { useServices } from '../../state/app-context.ts';

/** Wait after a change of the form: counting a pack's memory takes a second. */
const SETTLE_MS = 500;

type Answer = { readonly report: PackReport } | { readonly error: ErrorReport };

/** The report of the recipe's pack, asked again when something changes that its memory depends on. */
function usePack({ pack, sampler, refine }: Recipe, images: number): Answer | null {
  const { lab } = useServices(), [answer, setAnswer] = useState<{ readonly key: string; readonly answer: Answer } | null>(null);
  const few = Math.min(images, 4), key = JSON.stringify([pack, sampler.side, sampler.guidance === 1, refine.enabled, refine.mode, refine.c, few]);
  useEffect(() => {
    let gone = false;
    const timer = setTimeout(() => {
      lab.view('pack.check', pack, sampler, refine, few).then((report) => { if (!gone) setAnswer({ key, answer: { report } }); }, (error: unknown) => { if (!gone) setAnswer({ key, answer: { error: reportFrom(error) } }); });
    }, SETTLE_MS);
    return () => { gone = true; clearTimeout(timer); };
  }, [lab, key]); // the key holds all that the answer depends on
  return answer?.key === key ? answer.answer : null;
}

export const bytesText = (bytes: number): string => (bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`);

const line = ({ role, weightBytes, mapped, valueBytes }: NetworkMemory): string => `${role}: weights ${bytesText(weightBytes)}${mapped ? ' (stay in their file)' : ''}, values ${valueBytes === null ? 'not known' : bytesText(valueBytes)}`;

function Problems({ report }: { readonly report: PackReport }) {
  return (
    <>
      {report.roles.filter((role) => !role.ok).map((role) => (
        <div key={`${role.role} ${role.file}`} className="error-line" style={{ overflowWrap: 'anywhere' }}>{role.problem?.message ?? `${role.role} is missing`}{role.problem?.fix === undefined ? '' : `. ${role.problem.fix}`}</div>
      ))}
    </>
  );
}

function Details({ report }: { readonly report: PackReport }) {
  const { memory, provider, assumptions } = report;
  return (
    <ul className="quiet number" style={{ margin: '4px 0 0', paddingLeft: 18, overflowWrap: 'anywhere' }}>
      {memory?.networks.map((network) => <li key={network.role}>{line(network)}</li>)}
      {memory?.gradients.map((network) => <li key={`${network.role} gradient`}>gradient of {line(network)}</li>)}
      {provider.tried.map(({ provider: name, works, reason }) => <li key={name}>{works ? `${name} works and gives the same answers` : `not on ${name}: ${reason}`}</li>)}
      {assumptions.map((each) => <li key={each}>assumed: {each}</li>)}
    </ul>
  );
}

export function PackNote({ recipe, images }: { readonly recipe: Recipe; readonly images: number }) {
  const answer = usePack(recipe, images), [open, setOpen] = useState(false);
  if (answer === null) return <div className="card refine-cost quiet" role="note" aria-label="Model pack">Looking at the model pack {recipe.pack} …</div>;
  if ('error' in answer) return <div className="card refine-cost" role="note" aria-label="Model pack"><div className="error-line">{answer.error.message}</div></div>;
  const { report } = answer, { memory, provider } = report, tight = memory !== null && memory.needBytes > memory.freeBytes;
  return (
    <div className="card refine-cost" role="note" aria-label="Model pack">
      <div className="row" style={{ justifyContent: 'space-between', gap: 8 }}>
        <span className="row truncate" style={{ gap: 6 }}>{report.ok && !tight ? <Cpu size={14} className="quiet" aria-hidden="true" /> : <CircleAlert size={14} className={report.ok ? 'warn' : 'error'} aria-hidden="true" />}<span className="truncate">{report.name}{!report.ok ? ' cannot be used' : provider.used === 'cpu' ? ', on the processor' : `, on ${provider.used}`}</span></span>
        {memory !== null && <b className="number" style={{ whiteSpace: 'nowrap' }}>about {bytesText(memory.needBytes)}</b>}
      </div>
      {memory !== null && <div className={tight ? 'error-line' : 'quiet'}>of memory{recipe.refine.enabled ? ', gradients of stage 2 included' : ''}; {bytesText(memory.freeBytes)} of {bytesText(memory.totalBytes)} are free.{tight ? ' Close other programs, or run without stage 2.' : ''}</div>}
      {!report.ok && <Problems report={report} />}
      <button type="button" className="disclosure" aria-expanded={open} onClick={() => { setOpen(!open); }}>{open ? <ChevronDown size={14} /> : <ChevronRight size={14} />}Networks and processors</button>
      {open && <Details report={report} />}
    </div>
  );
}
