/** The state of a run or job: a glyph and a word, never colour alone. */
import { Ban, Check, CircleAlert, CirclePause, Clock, LoaderCircle } from 'lucide-react';
import type { RunState } from '../../common/run-event.ts';

const STATES: { readonly [S in RunState]: { readonly word: string; readonly Icon: typeof Check; readonly tone: string } } = {
  waiting: { word: 'Waiting', Icon: Clock, tone: 'quiet' },
  running: { word: 'Running', Icon: LoaderCircle, tone: 'accent' },
  paused: { word: 'Paused', Icon: CirclePause, tone: 'quiet' },
  done: { word: 'Done', Icon: Check, tone: 'ok' },
  failed: { word: 'Failed', Icon: CircleAlert, tone: 'error' },
  cancelled: { word: 'Cancelled', Icon: Ban, tone: 'quiet' },
};

export function StateBadge({ state }: { readonly state: RunState }) {
  const { word, Icon, tone } = STATES[state];
  return <span className={`badge badge-${tone}`}><Icon size={12} className={state === 'running' ? 'spin' : undefined} aria-hidden="true" />{word}</span>;
}

export function SyntheticBadge({ title = 'Synthetic data: a demo subject whose answer is known' }: { readonly title?: string }) {
  return <span className="badge badge-synthetic" title={title}>synthetic</span>;
}
