import { Loader } from '@mantine/core';
import type { ReactNode } from 'react';
import { Empty, ErrorNotice } from '../../parts/notice.tsx';
import { useLab } from '../../state/app-context.ts';

/** What a screen shows while the data is read, could not be read, or has no subject. */
export function NoSubject({ icon }: { readonly icon: ReactNode }) {
  const loaded = useLab((s) => s.inspection);
  if (loaded.state === 'loading') return <Empty icon={<Loader size={22} />} title="Looking at the data" />;
  if (loaded.state === 'failed') return <div className="data-main"><ErrorNotice error={loaded.error} title="The data could not be read" /></div>;
  return <Empty icon={icon} title="No subject here">Open data that has at least one subject; the Data screen says what was found.</Empty>;
}
