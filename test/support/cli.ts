/** Runs the command line from source in a process of its own, as a person or a script would. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
/** The pinned Node, which runs TypeScript by itself. */
const pinned = path.join(root, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node');

export type Line = Readonly<Record<string, unknown>>;

export interface Outcome {
  readonly code: number | null;
  /** Stdout, one JSON object a line; parsing fails if anything else is there. */
  readonly lines: readonly Line[];
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
}

/** Starts a verb with --json. `onLine` sees each object as it comes. */
export function start(words: readonly string[], onLine: (line: Line, child: ChildProcess) => void = () => undefined): Running {
  const child = spawn(existsSync(pinned) ? pinned : process.execPath, [path.join(root, 'main/entry/cli.ts'), ...words, '--json'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '', stderr = '', seen = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (let end = stdout.indexOf('\n', seen); end >= 0; end = stdout.indexOf('\n', seen)) {
      onLine(JSON.parse(stdout.slice(seen, end)) as Line, child);
      seen = end + 1;
    }
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text; });
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => { resolve({ code, stdout, stderr, lines: stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Line) }); });
  });
  return { child, ended };
}

export const cli = (...words: readonly string[]): Promise<Outcome> => start(words).ended;

/** The one object that a verb printed. Throws what it said on stderr if it failed. */
export async function told(...words: readonly string[]): Promise<Line> {
  const { code, lines, stderr } = await cli(...words);
  const [line] = lines;
  if (code !== 0 || line === undefined || lines.length !== 1) throw new Error(`${words.join(' ')} ended with ${code} and ${lines.length} objects:\n${stderr}`);
  return line;
}
