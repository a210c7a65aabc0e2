// Everything a checkout needs before it can be built and run. Each part does nothing when its result is there already.
import { ensureElectron } from './electron.mjs';
import { ensurePackages } from './packages.mjs';
import { ensureSqlite } from './sqlite.mjs';
import { ensureLibraries } from './system-packages.mjs';
import { fail } from './steps.mjs';

/** `retry`: ask again for the official Electron if this checkout runs on the fallback. */
export async function install({ retry = false } = {}) {
  await ensurePackages();
  await ensureElectron({ retry });
  await ensureLibraries();
  await ensureSqlite();
}

if (import.meta.filename === process.argv[1]) await install().catch(fail);
