/** Errors and remarks at the place they belong to: what, where, expected, found, what to do. */
import { Button, Collapse, CopyButton } from '@mantine/core';
import { CircleAlert, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { useState } from 'react';
import type { ErrorReport } from '../../common/errors.ts';

type Tone = 'error' | 'warn' | 'info';

const ICONS: { readonly [T in Tone]: typeof Info } = { error: CircleAlert, warn: TriangleAlert, info: Info };

export function Notice({ tone, title, children, actions }: { readonly tone: Tone; readonly title?: string; readonly children?: ReactNode; readonly actions?: ReactNode }) {
  const Icon = ICONS[tone];
  return (
    <div className={`notice notice-${tone}`} role={tone === 'error' ? 'alert' : 'status'}>
      <Icon size={16} className="notice-icon" aria-hidden="true" />
      <div className="grow">
        {title !== undefined && <div className="notice-title">{title}</div>}
        {children !== undefined && <div className="notice-body">{children}</div>}
      </div>
      {actions !== undefined && <div className="notice-actions">{actions}</div>}
    </div>
  );
}

export function Facts({ rows }: { readonly rows: readonly (readonly [string, string | undefined])[] }) {
  return (
    <dl className="facts">
      {rows.map(([name, value]) => value !== undefined && value !== '' && (
        <div key={name}><dt>{name}</dt><dd className="selectable">{value}</dd></div>
      ))}
    </dl>
  );
}

const KINDS: { readonly [K in ErrorReport['kind']]: string } = {
  usage: 'This cannot be done', 'bad-input': 'Something in the data is not right', 'model-missing': 'A model is missing', busy: 'The workspace is in use',
  unsupported: 'Not supported yet', cancelled: 'Cancelled', bug: 'Something went wrong inside Optogram',
};

export function ErrorNotice({ error, title, actions }: { readonly error: ErrorReport; readonly title?: string; readonly actions?: ReactNode }) {
  const [open, setOpen] = useState(false);
  const report = [`${error.kind}: ${error.message}`, error.file && `file: ${error.file}`, error.expected && `expected: ${error.expected}`,
    error.found && `found: ${error.found}`, error.fix && `fix: ${error.fix}`, error.stack].filter(Boolean).join('\n');
  return (
    <Notice tone="error" title={title ?? KINDS[error.kind]} actions={actions}>
      <div className="selectable">{error.message}</div>
      <Facts rows={[['File', error.file], ['Expected', error.expected], ['Found', error.found], ['What to do', error.fix]]} />
      <div className="row" style={{ marginTop: 6 }}>
        {error.stack !== undefined && error.stack !== '' && <Button size="compact-xs" variant="subtle" color="gray" onClick={() => { setOpen(!open); }}>{open ? 'Hide details' : 'Details'}</Button>}
        <CopyButton value={report}>{({ copied, copy }) => <Button size="compact-xs" variant="subtle" color="gray" onClick={copy}>{copied ? 'Copied' : 'Copy report'}</Button>}</CopyButton>
      </div>
      <Collapse expanded={open}><pre className="stack">{error.stack}</pre></Collapse>
    </Notice>
  );
}

export function Empty({ icon, title, children, actions }: { readonly icon?: ReactNode; readonly title: string; readonly children?: ReactNode; readonly actions?: ReactNode }) {
  return (
    <div className="empty">
      {icon !== undefined && <div className="empty-icon">{icon}</div>}
      <h2>{title}</h2>
      {children !== undefined && <p>{children}</p>}
      {actions !== undefined && <div className="empty-actions">{actions}</div>}
    </div>
  );
}
