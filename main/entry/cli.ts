/** The command line: the same code as the window, without one. Exit codes: design 4. */
import path from 'node:path';
import { EXIT, exitCodeOf, reportOf, UserError } from '../../common/errors.ts';
import { parseArguments } from './arguments.ts';
import { VERBS } from './verbs/index.ts';

const HELP = [
  'usage: optogram VERB ... [--json]', '',
  ...Object.values(VERBS).map((verb) => `  ${verb.usage}\n      ${verb.does}`), '',
  'exit codes: 0 done, 2 usage, 3 bad input, 4 model missing, 5 cancelled, 1 a bug',
].join('\n');

const { words, options } = parseArguments(process.argv.slice(2), ['json', 'help']);
const json = options['json'] === 'true';
const controller = new AbortController();
process.on('SIGINT', () => { controller.abort(); });
process.on('SIGTERM', () => { controller.abort(); });

let told = 0;
function progress(done: number, total: number, what: string): void {
  const now = Date.now();
  const last = done >= total;
  if (process.stderr.isTTY) process.stderr.write(`\r  ${Math.round((100 * done) / Math.max(1, total))} %  ${done} of ${total} ${what}\u001b[K${last ? '\n' : ''}`);
  else if (now - told > 5000 && !last) {
    told = now;
    process.stderr.write(`  ${Math.round((100 * done) / Math.max(1, total))} %  ${what}\n`);
  }
}

async function main(): Promise<number> {
  const name = words[0];
  if (name === undefined || options['help'] === 'true' || name === 'help') {
    process.stdout.write(`${name !== undefined && VERBS[name] !== undefined ? `usage: optogram ${VERBS[name].usage}\n  ${VERBS[name].does}` : HELP}\n`);
    return name === undefined && options['help'] !== 'true' ? EXIT.usage : EXIT.done;
  }
  const verb = VERBS[name];
  if (verb === undefined) throw new UserError('usage', `there is no verb ${name}`, { expected: Object.keys(VERBS).join(', '), found: name, fix: 'optogram --help' });
  const unknown = Object.keys(options).find((option) => !['json', 'help', 'models', ...verb.options].includes(option));
  if (unknown !== undefined) throw new UserError('usage', `${name} has no option --${unknown}`, { expected: verb.usage, found: `--${unknown}`, fix: `optogram ${name} --help` });
  const rest = words.slice(1);
  if (rest.length < verb.words[0] || rest.length > verb.words[1]) {
    throw new UserError('usage', `${name} takes ${verb.words[0] === verb.words[1] ? verb.words[0] : verb.words.join(' to ')} words, got ${rest.length}`, { expected: verb.usage, found: rest.join(' ') });
  }
  await verb.run({
    words: rest, options, json, signal: controller.signal, progress,
    models: path.resolve(options['models'] ?? path.join(import.meta.dirname, '../../resources/models')),
    engine: path.join(import.meta.dirname, `engine${path.extname(import.meta.filename)}`), // .ts when run from source
    subsystemWorker: path.join(import.meta.dirname, `subsystem-worker${path.extname(import.meta.filename)}`),
    out: (value, text) => { process.stdout.write(json ? `${JSON.stringify(value)}\n` : text === '' ? '' : `${text}\n`); },
    note: (line) => { process.stderr.write(`${line}\n`); },
  });
  return EXIT.done;
}

try {
  process.exitCode = await main();
} catch (error) {
  const report = reportOf(error);
  if (json) process.stdout.write(`${JSON.stringify({ error: report })}\n`);
  const lines = [`optogram: ${report.message}`, ...(['file', 'expected', 'found', 'fix'] as const).map((field) => report[field] === undefined ? '' : `  ${field}: ${report[field]}`), report.stack ?? ''];
  process.stderr.write(`${lines.filter((line) => line !== '').join('\n')}\n`);
  process.exitCode = exitCodeOf(report.kind);
}
