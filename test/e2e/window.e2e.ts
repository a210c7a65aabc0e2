/** The window opens, shows the start screen, and keeps the promises that Electron's security checklist asks for. */
import { expect, test } from './fixtures.ts';

/** Where attempts to leave go; no such host exists. */
const ELSEWHERE = 'https://example.invalid/';

test('opens on the start screen, ready for a click', async ({ lab, running: { app, page, milliseconds } }) => {
  const began = performance.now();
  const demo = page.getByRole('button', { name: /demo/i }).first();
  await expect(demo).toBeVisible();
  await expect(demo).toBeEnabled();
  await expect(page.getByRole('button', { name: /open/i }).first()).toBeEnabled();
  const ready = milliseconds + (performance.now() - began);
  console.log(`window after ${(milliseconds / 1000).toFixed(2)} s, usable after ${(ready / 1000).toFixed(2)} s`); // the target is 3 s; a shared machine cannot assert it
  expect(await page.title()).toContain('Optogram');
  expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
  await lab.shot(page, 'start');
});

test('the page runs isolated and sandboxed, without Node', async ({ shared: { app, page } }) => {
  const preferences = await app.evaluate(({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents ?? {};
    const read = Reflect.get(contents, 'getLastWebPreferences') as () => Record<string, unknown>; // not in the typings
    const { contextIsolation, sandbox, nodeIntegration, webSecurity } = Reflect.apply(read, contents, []);
    return { contextIsolation, sandbox, nodeIntegration, webSecurity };
  });
  expect(preferences).toEqual({ contextIsolation: true, sandbox: true, nodeIntegration: false, webSecurity: true });
  const seen = await page.evaluate(() => ({
    names: ['require', 'process', 'module', 'Buffer', 'global'].filter((name) => name in globalThis),
    frozen: Object.isFrozen(Reflect.get(globalThis, 'lab')),
    keys: Object.keys(Reflect.get(globalThis, 'lab') as object).sort(),
  }));
  expect(seen).toEqual({ names: [], frozen: true, keys: ['invoke', 'on', 'pathOf'] });
});

test('the content security policy refuses foreign and inline content', async ({ lab, shared: { page } }) => {
  lab.expectProblem(/Content Security Policy|ERR_BLOCKED_BY_CSP|net::ERR_|Refused to/);
  const refused = await page.evaluate(async (elsewhere) => {
    const directives = new Set<string>();
    document.addEventListener('securitypolicyviolation', (event) => directives.add(event.effectiveDirective));
    const script = document.createElement('script');
    script.textContent = 'globalThis.inlineScriptRan = true';
    const frame = document.createElement('iframe');
    frame.src = elsewhere;
    const image = document.createElement('img');
    image.src = `${elsewhere}a.png`;
    document.body.append(script, frame, image);
    const fetched = await fetch(elsewhere).then(() => 'allowed', () => 'refused');
    // Code that a test hands to the page may call eval; code that a timer runs is held to the policy.
    const evaluated = await new Promise<string>((resolve) => {
      setTimeout(() => {
        try { resolve(String((0, eval)('1 + 1'))); } catch (error) { resolve((error as Error).name); }
      }, 0);
    });
    await new Promise((resolve) => { setTimeout(resolve, 300); });
    for (const element of [script, frame, image]) element.remove();
    return { directives: [...directives].sort(), fetched, evaluated, inline: 'inlineScriptRan' in globalThis };
  }, ELSEWHERE);
  expect(refused.directives).toEqual(expect.arrayContaining(['connect-src', 'frame-src', 'img-src', 'script-src-elem']));
  expect(refused).toMatchObject({ fetched: 'refused', evaluated: 'EvalError', inline: false });
});

test('the window cannot be led elsewhere, nor open others', async ({ shared: { app, page } }) => {
  const before = page.url();
  expect(await page.evaluate((elsewhere) => window.open(elsewhere) === null, ELSEWHERE)).toBe(true);
  await page.evaluate((elsewhere) => { location.href = elsewhere; }, ELSEWHERE);
  await page.waitForTimeout(500);
  expect(page.url()).toBe(before);
  expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
});

test('permissions are denied', async ({ shared: { page } }) => {
  const answers = await page.evaluate(async () => ({
    geolocation: (await navigator.permissions.query({ name: 'geolocation' })).state,
    notification: await Notification.requestPermission(),
    camera: await navigator.mediaDevices.getUserMedia({ video: true }).then(() => 'granted', () => 'denied'),
  }));
  expect(answers).toEqual({ geolocation: 'denied', notification: 'denied', camera: 'denied' });
});

test('the app scheme gives out nothing outside the window and the workspace pictures', async ({ lab, shared: { page } }) => {
  lab.expectProblem(/Failed to load resource|Not allowed to load local resource|Content Security Policy|Refused to|ERR_/);
  const answers = await page.evaluate(async () => {
    const ask = (url: string): Promise<number | 'refused'> => fetch(url).then((response) => response.status, () => 'refused' as const);
    return {
      itself: await ask('app://bundle/index.html'),
      file: await ask('file:///etc/hostname'),
      others: await Promise.all([
        'app://bundle/%2e%2e/main/app.js', 'app://bundle/..%2fmain%2fapp.js', 'app://bundle/%2e%2e%2f%2e%2e%2fpackage.json', 'app://bundle/workspace/optogram.sqlite',
        'app://bundle/workspace/artefacts/..%2f..%2fPreferences', 'app://elsewhere/index.html', 'app://bundle/%', 'app://bundle/%00',
      ].map(ask)),
    };
  });
  expect(answers.itself).toBe(200);
  expect(answers.file).toBe('refused');
  for (const status of answers.others) expect([400, 403, 404, 'refused']).toContain(status);
});

test('only the app itself may call the main process', async ({ lab, shared: { app, page } }) => {
  lab.expectProblem(/untrusted sender|Insecure Content-Security-Policy/);
  const inside = await page.evaluate(async () => {
    const lab = Reflect.get(globalThis, 'lab') as { invoke(name: string, ...args: unknown[]): Promise<{ ok: boolean }> };
    const info = await lab.invoke('app.info');
    // The preload may refuse a name before the main process sees it: a rejection and a refusal are both no.
    const unknown = await lab.invoke('no.such.channel').then((reply) => reply.ok, () => false);
    const wrong = await lab.invoke('app.setTheme', 'purple').then((reply) => reply.ok, () => false);
    return { info: info.ok, unknown, wrong };
  });
  expect(inside).toEqual({ info: true, unknown: false, wrong: false });
  const outside = await app.evaluate(async ({ BrowserWindow, app: application }) => {
    const stranger = new BrowserWindow({
      show: false, webPreferences: { preload: `${application.getAppPath()}/out/preload/index.cjs`, sandbox: true, contextIsolation: true },
    });
    await stranger.loadURL('data:text/html,<title>stranger</title>');
    const answer: unknown = await stranger.webContents.executeJavaScript("lab.invoke('app.info').then((reply) => JSON.stringify(reply), (error) => String(error))");
    stranger.destroy();
    return String(answer);
  });
  expect(outside).toContain('untrusted sender');
});
