import './theme/fonts.css';
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import '@mantine/spotlight/styles.css';
import './theme/tokens.css';
import './theme/parts.css';
import './theme/frame.css';
import './theme/screens.css';
import './theme/cortex.css';
import './theme/refine.css';
import './theme/accuracy.css';
import './theme/pack.css';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { createPreparer } from './cortex/prepare.ts';
import { connectLab } from './lab.ts';
import { restoreSession } from './state/actions.ts';
import { createHover } from './state/hover.ts';
import { createLabStore } from './state/lab-state.ts';
import { createPackStore } from './state/pack-state.ts';
import { createResources } from './state/resources.ts';
import { followRuns, tellInterrupted } from './state/run-news.ts';
import type { Services } from './state/app-context.ts';
import { createViewStore } from './state/view-state.ts';

const lab = connectLab(window);
const services: Services = {
  lab, data: createLabStore(lab), view: createViewStore(window.localStorage, () => performance.now()),
  packs: createPackStore(lab), hover: createHover(), resources: createResources(), preparer: createPreparer(), cortex: { current: null },
};

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
const nonce = document.querySelector<HTMLMetaElement>('meta[name="style-nonce"]')?.content ?? '';
createRoot(root).render(<App services={services} nonce={nonce} />);

followRuns(services);
void restoreSession(services).then(() => { tellInterrupted(services); });
