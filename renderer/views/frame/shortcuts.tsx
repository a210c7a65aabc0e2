import { Modal, TextInput } from '@mantine/core';
import { Search } from 'lucide-react';
import { useState } from 'react';
import { keyText } from '../../state/commands.ts';
import type { Command } from '../../state/commands.ts';

const MOUSE: readonly (readonly [string, string])[] = [
  ['Turn (move, when flat)', 'Drag'], ['Move', 'Right drag'], ['Zoom to the pointer', 'Wheel'], ['Unfold', 'Shift + wheel'],
  ['Pin a voxel', 'Click'], ['Choose the region', 'Alt + click, or click its name'],
];

export function Shortcuts({ opened, onClose, commands, mac }: { readonly opened: boolean; readonly onClose: () => void; readonly commands: readonly Command[]; readonly mac: boolean }) {
  const [query, setQuery] = useState('');
  const wanted = query.trim().toLowerCase();
  const withKeys = commands.filter((command) => command.keys !== undefined);
  const groups = [...new Set(withKeys.map((command) => command.group))]
    .map((group): { readonly group: string; readonly rows: readonly (readonly [string, string])[] } => ({
      group,
      rows: withKeys.filter((command) => command.group === group).map((command) => [command.title, (command.keys ?? []).map((key) => keyText(key, mac)).join(' or ')] as const),
    }))
    .concat([{ group: 'Mouse on the cortex', rows: [...MOUSE] }])
    .map(({ group, rows }) => ({ group, rows: rows.filter(([title]) => title.toLowerCase().includes(wanted)) }))
    .filter(({ rows }) => rows.length > 0);
  return (
    <Modal opened={opened} onClose={onClose} title="Keyboard and mouse" size={760}>
      <TextInput placeholder="Find a shortcut" leftSection={<Search size={14} />} value={query} onChange={(event) => { setQuery(event.currentTarget.value); }} data-autofocus mb={16} />
      <div className="shortcut-columns">
        {groups.map(({ group, rows }) => (
          <section key={group}>
            <h3 className="section-title">{group}</h3>
            {rows.map(([title, keys]) => <div className="shortcut" key={title}><span className="grow">{title}</span><span className="kbd">{keys}</span></div>)}
          </section>
        ))}
      </div>
    </Modal>
  );
}
