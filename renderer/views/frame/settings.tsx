import { Modal, SegmentedControl } from '@mantine/core';
import { setTheme } from '../../state/actions.ts';
import { useLab, useServices, useView } from '../../state/app-context.ts';

function Row({ title, hint, children }: { readonly title: string; readonly hint: string; readonly children: React.ReactNode }) {
  return <div className="setting"><div className="grow"><div>{title}</div><div className="quiet" style={{ fontSize: 12 }}>{hint}</div></div>{children}</div>;
}

export function Settings({ opened, onClose }: { readonly opened: boolean; readonly onClose: () => void }) {
  const services = useServices();
  const info = useLab((s) => s.info);
  const canvas = useView((s) => s.look.canvas);
  return (
    <Modal opened={opened} onClose={onClose} title="Settings" size={560}>
      <Row title="Theme" hint="Follows the computer unless you choose.">
        <SegmentedControl value={info?.theme ?? 'system'} data={[{ value: 'system', label: 'System' }, { value: 'light', label: 'Light' }, { value: 'dark', label: 'Dark' }]}
          onChange={(value) => { void setTheme(services, value); }} />
      </Row>
      <Row title="Behind the cortex" hint="Papers want white, inspection prefers dark.">
        <SegmentedControl value={canvas} data={[{ value: 'theme', label: 'Theme' }, { value: 'black', label: 'Black' }, { value: 'white', label: 'White' }]}
          onChange={(value) => { services.view.look('Canvas', { canvas: value }); }} />
      </Row>
      <div className="quiet" style={{ fontSize: 12, marginTop: 16 }}>
        {info !== null && <>Optogram {info.version} on Electron {info.electron} ({info.platform}). Works offline; nothing is sent anywhere.</>}
      </div>
    </Modal>
  );
}
