/** The `app://bundle/` scheme: the built window, and pictures of the workspace. Nothing else on disk can be reached. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';

export interface ServeOptions {
  readonly rendererFolder: string;
  readonly workspace: string;
  readonly fetchFile: (file: string) => Promise<Response>;
}

/** The content security policy; inline styles only with this load's nonce (Mantine writes one style element). */
function policy(nonce: string): string {
  return ["default-src 'none'", "script-src 'self'", `style-src 'self' 'nonce-${nonce}'`, "img-src 'self' data: blob:", "font-src 'self'", "connect-src 'self'",
    "worker-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "object-src 'none'"].join('; ');
}

export async function serveFile(url: string, { rendererFolder, workspace, fetchFile }: ServeOptions): Promise<Response> {
  const { host, pathname } = new URL(url);
  if (host !== 'bundle') return new Response('not found', { status: 404 });
  let relative: string;
  try { relative = decodeURIComponent(pathname); } catch { return new Response('bad request', { status: 400 }); }
  const inWorkspace = relative.startsWith('/workspace/artefacts/');
  const base = inWorkspace ? path.join(workspace, 'artefacts') : rendererFolder;
  const file = path.normalize(inWorkspace ? path.join(workspace, relative.slice('/workspace/'.length)) : path.join(rendererFolder, relative === '/' ? 'index.html' : relative));
  if (!file.startsWith(base + path.sep) || (inWorkspace && path.extname(file) !== '.png')) return new Response('not found', { status: 404 });
  if (!inWorkspace && path.basename(file) === 'index.html') {
    const nonce = randomBytes(16).toString('base64');
    const page = (await fs.readFile(file, 'utf8')).replaceAll('__NONCE__', nonce);
    return new Response(page, { headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy(nonce) } });
  }
  try {
    return await fetchFile(file);
  } catch { return new Response('not found', { status: 404 }); }
}
