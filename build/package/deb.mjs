// Makes a Debian package from the unpacked application. Source: Debian Policy Manual, chapters 5 and 9; the freedesktop
// specifications for desktop entries, icon themes and shared MIME info.
import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readJson, root } from '../runtime/places.mjs';
import { run } from '../runtime/steps.mjs';

const NAME = 'optogram';
const MIME = 'application/vnd.optogram+json';
const DEPENDS = [
  'libgtk-3-0 | libgtk-3-0t64', 'libnss3', 'libasound2 | libasound2t64', 'libgbm1', 'libxss1', 'libxtst6', 'libatspi2.0-0 | libatspi2.0-0t64',
  'libsecret-1-0', 'libnotify4', 'xdg-utils',
];

/** Gives the name of the package file, for the step's line. */
export async function makeDeb(unpacked, output) {
  const { version, description } = readJson(path.join(root, 'package.json'));
  const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch];
  const stage = path.join(output, 'deb');
  rmSync(stage, { recursive: true, force: true });
  const place = (name) => {
    const file = path.join(stage, name);
    mkdirSync(path.dirname(file), { recursive: true });
    return file;
  };
  cpSync(unpacked, place(`usr/lib/${NAME}`), { recursive: true });
  chmodSync(place(`usr/lib/${NAME}/chrome-sandbox`), 0o4755); // set-uid root: the sandbox works without user namespaces
  symlinkSync(`../lib/${NAME}/${NAME}`, place(`usr/bin/${NAME}`));
  copyFileSync(path.join(import.meta.dirname, 'icon.svg'), place(`usr/share/icons/hicolor/scalable/apps/${NAME}.svg`));
  copyFileSync(path.join(import.meta.dirname, 'icon-256.png'), place(`usr/share/icons/hicolor/256x256/apps/${NAME}.png`));
  copyFileSync(path.join(root, 'LICENSE'), place(`usr/share/doc/${NAME}/copyright`));
  writeFileSync(place(`usr/share/applications/${NAME}.desktop`), desktopEntry(description));
  writeFileSync(place(`usr/share/mime/packages/${NAME}.xml`), mimeType());
  writeFileSync(place('DEBIAN/control'), control({ version, description, architecture, kilobytes: Math.ceil(bytesIn(stage) / 1024) }));
  openToAll(stage);
  const file = path.join(output, `${NAME}_${version}_${architecture}.deb`);
  await run('dpkg-deb', ['--root-owner-group', '-Zzstd', '-z3', '--build', stage, file], { log: 'deb' });
  rmSync(stage, { recursive: true });
  return `${path.relative(root, file)}, ${Math.round(statSync(file).size / 1e6)} MB`;
}

function desktopEntry(description) {
  return `[Desktop Entry]
Type=Application
Name=Optogram
GenericName=fMRI picture reconstruction
Comment=${description}
Exec=${NAME} %F
Icon=${NAME}
Terminal=false
Categories=Science;
MimeType=${MIME};
StartupWMClass=Optogram
`;
}

function mimeType() {
  return `<?xml version="1.0" encoding="UTF-8"?>
<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">
  <mime-type type="${MIME}">
    <comment>Optogram recipe</comment>
    <sub-class-of type="application/json"/>
    <glob pattern="*.optogram"/>
  </mime-type>
</mime-info>
`;
}

function control({ version, description, architecture, kilobytes }) {
  return `Package: ${NAME}
Version: ${version}
Section: science
Priority: optional
Architecture: ${architecture}
Installed-Size: ${kilobytes}
Depends: ${DEPENDS.join(', ')}
Maintainer: The Optogram authors <optogram@localhost>
Description: ${description}
`;
}

function bytesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(path.join(entry.parentPath, entry.name)).size, 0);
}

/** A strict umask would otherwise lock everyone but root out of the installed folders. */
function openToAll(folder) {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isDirectory()) chmodSync(file, 0o755);
    else if (entry.isFile()) chmodSync(file, (statSync(file).mode & 0o7777) | 0o644);
  }
}
