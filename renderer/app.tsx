import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { useEffect, useState } from 'react';
import { ServicesContext, useLab } from './state/app-context.ts';
import type { Services } from './state/app-context.ts';
import { THEME, VARIABLES } from './theme/mantine.ts';
import { Workspace } from './views/frame/workspace.tsx';

/** What the computer prefers, followed as it changes. */
function useSystemDark(): boolean {
  const query = window.matchMedia('(prefers-color-scheme: dark)');
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const listener = (event: MediaQueryListEvent): void => { setDark(event.matches); };
    query.addEventListener('change', listener);
    return () => { query.removeEventListener('change', listener); };
  }, [query]);
  return dark;
}

function Themed({ nonce }: { readonly nonce: string }) {
  const systemDark = useSystemDark();
  const theme = useLab((s) => s.info?.theme ?? 'system');
  const scheme = theme === 'system' ? (systemDark ? 'dark' : 'light') : theme;
  return (
    <MantineProvider theme={THEME} cssVariablesResolver={VARIABLES} forceColorScheme={scheme} getStyleNonce={() => nonce}>
      <Notifications position="bottom-right" limit={4} containerWidth={380} />
      <Workspace />
    </MantineProvider>
  );
}

export function App({ services, nonce }: { readonly services: Services; readonly nonce: string }) {
  return <ServicesContext value={services}><Themed nonce={nonce} /></ServicesContext>;
}
