// Draws icon.svg into icon.png (1024 x 1024) and icon-256.png, on a transparent ground. Run by hand after a change of the drawing:
//   xvfb-run -a npx electron build/package/icon.mjs --no-sandbox
import { app, BrowserWindow } from 'electron';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const at = (name) => path.join(import.meta.dirname, name);

app.commandLine.appendSwitch('force-device-scale-factor', '1');
// Not `await app.whenReady()`: Electron is ready only after the top level of this module has run to its end.
app.whenReady().then(async () => {
  const window = new BrowserWindow({ width: 1024, height: 1024, show: false, frame: false, transparent: true, webPreferences: { offscreen: true } });
  const drawing = Buffer.from(readFileSync(at('icon.svg'))).toString('base64');
  const page = `<body style="margin:0"><img src="data:image/svg+xml;base64,${drawing}" width="1024" height="1024">`;
  await window.loadURL(`data:text/html;base64,${Buffer.from(page).toString('base64')}`);
  await new Promise((resolve) => setTimeout(resolve, 500)); // the first frame of an off-screen window may come before the image
  const picture = await window.webContents.capturePage();
  writeFileSync(at('icon.png'), picture.toPNG());
  writeFileSync(at('icon-256.png'), picture.resize({ width: 256, quality: 'best' }).toPNG());
  app.exit(0);
});
