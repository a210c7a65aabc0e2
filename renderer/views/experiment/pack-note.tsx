/** The model pack of the form before it is opened: what it is, what it lacks, what memory the run will take of what is free, and where it will run. */
import { Button, Loader } from '@mantine/core';
import { ChevronDown, ChevronRight, CircleAlert, CircleCheck, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import type { PackReport } from '../../../common/contract/pack-report.ts';
import { DEFAULT_RECIPE } from '../../../common/recipe.ts';
import type { Recipe } from '../../../common/recipe.ts';
import { Facts, Notice } from '../../parts/notice.tsx';
import { SyntheticBadge } from '../../parts/state-badge.tsx';
import { bytes, count } from '../../parts/words.ts';
import { checkPack, choosePack, removePack } from '../../state/actions.ts';
import { useLab, usePackState, useServices } from '../../state/app-context.ts';
import { packKey } from '../../state/pack-state.ts';
import { factRows, fallBacks, fileIn, networkRows, placeWords, providerTitle, roleTitle, shortReason, typesOf } from './pack-words.ts';

interface Props {
  readonly recipe: Recipe;
  readonly images: number;
  /** The folder of a recent pack cannot be reached. */
  readonly missing: boolean;
}

/** Ways on from a pack that cannot be used. */
function WaysOn({ recipe, images, missing }: Props) {
  const services = useServices(), isRecent = useLab((s) => s.info?.packs.recents.some(({ path }) => path === recipe.pack) ?? false);
  return (
    <div className="row" style={{ gap: 6, flexWrap: 'wrap', marginTop: 8 }}>
      <Button size="compact-xs" variant="light" onClick={() => { void checkPack(services, recipe, images, true); }}>Check again</Button>
      <Button size="compact-xs" variant="default" onClick={() => { void choosePack(services); }}>Choose a folder …</Button>
      {recipe.pack !== DEFAULT_RECIPE.pack && <Button size="compact-xs" variant="default" onClick={() => { services.view.form('Model pack', { ...recipe, pack: DEFAULT_RECIPE.pack }); }}>Use the demo pack</Button>}
      {missing && isRecent && <Button size="compact-xs" variant="subtle" color="gray" onClick={() => { services.view.form('Model pack', { ...recipe, pack: DEFAULT_RECIPE.pack }); void removePack(services, recipe.pack); }}>Remove from the list</Button>}
    </div>
  );
}

/** By its folder, and its own name beside it where that is another: any pack may call itself "demo". */
function calledAs({ folder, name }: PackReport): string {
  const place = folder.split(/[\\/]/).findLast((part) => part !== '') ?? folder;
  return place === name ? name : `${place} (“${name}”)`;
}

/** What is wrong, part by part. */
function Unusable({ report, ...props }: Props & { readonly report: PackReport }) {
  const bad = report.roles.filter((role) => !role.ok), good = report.roles.length - bad.length;
  return (
    <Notice tone="error" title={props.missing ? 'This pack’s folder is not there' : `${calledAs(report)} cannot be used`}>
      {good > 0 && <div>{count(bad.length, 'part')} of {report.roles.length} {bad.length === 1 ? 'is' : 'are'} not right.</div>}
      {bad.map(({ role, file, problem }) => (
        <div key={`${role} ${file}`} className="pack-problem">
          {role !== 'pack' && <b>{roleTitle(role)}</b>}
          <Facts rows={[['File', fileIn(report.folder, problem?.file ?? file)], ['Expected', problem?.expected ?? problem?.message], ['Found', problem?.found], ['What to do', problem?.fix]]} />
        </div>
      ))}
      <WaysOn {...props} />
    </Notice>
  );
}

function Details({ report }: { readonly report: PackReport }) {
  const { provider } = report;
  return (
    <>
      <Facts rows={factRows(report)} />
      <div className="pack-networks">
        {networkRows(report).map(({ key, title, type, words }) => <div key={key}><div>{title}{type !== '' && <span className="quiet"> {type}</span>}</div><div className="quiet number">{words}</div></div>)}
      </div>
      <dl className="facts">
        <div><dt>Runs on</dt><dd>{providerTitle(provider.used)}; its self-test passed</dd></div>
        {fallBacks(provider).map(({ title, reason }) => <div key={title}><dt>Not {title}</dt><dd className="selectable" title={reason}>{shortReason(reason)}</dd></div>)}
      </dl>
    </>
  );
}

function Usable({ report, recipe, current }: { readonly report: PackReport; readonly recipe: Recipe; readonly current: boolean }) {
  const [choice, setChoice] = useState<{ readonly pack: string; readonly open: boolean } | null>(null);
  // A folder of one's own opens at once: what it turned out to be is news.
  const open = choice?.pack === recipe.pack ? choice.open : recipe.pack !== DEFAULT_RECIPE.pack;
  const { memory, facts, assumptions, provider } = report, tight = memory !== null && memory.needBytes > memory.freeBytes, networks = report.roles.filter(({ weightTypes }) => weightTypes !== undefined).length;
  return (
    <div className="card pack-card" role="note" aria-label="Model pack">
      <div className="row" style={{ gap: 6 }}>
        {tight ? <CircleAlert size={14} className="error" aria-hidden="true" /> : <CircleCheck size={14} className="ok" aria-hidden="true" />}
        <b className="truncate">{report.name}</b>{facts?.synthetic === true && <SyntheticBadge />}<span className="grow" />
        <span className="quiet number" style={{ whiteSpace: 'nowrap' }}>{bytes(report.weightBytes)}</span>
      </div>
      <div>{count(networks, 'network')}, {typesOf(report)}, {placeWords(provider)}</div>
      {memory !== null && (
        <div className={tight ? 'error-line' : 'number'} aria-live="polite">{current
          ? <>About {bytes(memory.needBytes)} of memory{recipe.refine.enabled ? ' with stage 2' : ''}; {bytes(memory.freeBytes)} of {bytes(memory.totalBytes)} free.{tight ? ' Close other programs, or run without stage 2.' : ''}</>
          : 'Counting the memory …'}</div>
      )}
      {assumptions.map((each) => <div key={each} className="pack-warning"><TriangleAlert size={13} aria-hidden="true" /><span>Assumed: {each}</span></div>)}
      <button type="button" className="disclosure" aria-expanded={open} onClick={() => { setChoice({ pack: recipe.pack, open: !open }); }}>{open ? <ChevronDown size={14} /> : <ChevronRight size={14} />}Networks, memory and processors</button>
      {open && <Details report={report} />}
    </div>
  );
}

export function PackNote(props: Props) {
  const { recipe, images } = props, { pack, report, error, answered } = usePackState((s) => s), current = answered === packKey(recipe, images);
  if (pack !== recipe.pack || (report === null && error === null)) return <div className="card pack-card quiet" role="note" aria-label="Model pack"><div className="row"><Loader size={12} /><span className="truncate">Reading the pack’s networks …</span></div></div>;
  if (error !== null) return <Notice tone="error" title="The pack could not be looked at"><Facts rows={[['', error.message], ['File', error.file], ['Expected', error.expected], ['Found', error.found], ['What to do', error.fix]]} /><WaysOn {...props} /></Notice>;
  if (report === null) return null;
  return report.ok ? <Usable report={report} recipe={recipe} current={current} /> : <Unusable report={report} {...props} />;
}
