/** The native menu as data. Items that belong to the window send their command id; the window's palette lists the same ids. */
import type { MenuItemConstructorOptions } from 'electron';

export function menuTemplate(platform: string, command: (id: string) => void): MenuItemConstructorOptions[] {
  const item = (label: string, id: string, accelerator?: string): MenuItemConstructorOptions => ({
    label, click: () => { command(id); }, ...(accelerator === undefined ? {} : { accelerator }),
  });
  return [
    ...(platform === 'darwin' ? [{ role: 'appMenu' } as const] : []),
    {
      label: 'File', submenu: [
        item('Open Data Folder…', 'data.open', 'CmdOrCtrl+O'),
        item('Open the Demo', 'data.demo'),
        item('Choose Model Pack…', 'pack.choose', 'CmdOrCtrl+Shift+O'),
        { type: 'separator' },
        item('Export View as PNG…', 'export.view', 'CmdOrCtrl+E'),
        { type: 'separator' },
        platform === 'darwin' ? { role: 'close' } : { role: 'quit' },
      ],
    },
    {
      label: 'Edit', submenu: [
        item('Undo', 'selection.undo', 'CmdOrCtrl+Z'), item('Redo', 'selection.redo', 'CmdOrCtrl+Shift+Z'),
        { type: 'separator' }, { role: 'copy' }, { role: 'paste' }, { role: 'selectAll' },
      ],
    },
    {
      label: 'View', submenu: [
        item('Data', 'area.data', 'CmdOrCtrl+1'), item('Experiment', 'area.experiment', 'CmdOrCtrl+2'), item('Gallery', 'area.gallery', 'CmdOrCtrl+3'),
        item('Cortex', 'area.cortex', 'CmdOrCtrl+4'), item('Jobs', 'area.jobs', 'CmdOrCtrl+5'),
        { type: 'separator' }, item('Switch Theme', 'theme.toggle'), { role: 'togglefullscreen' }, { role: 'zoomIn' }, { role: 'zoomOut' }, { role: 'resetZoom' },
        { type: 'separator' }, { role: 'toggleDevTools' },
      ],
    },
    { label: 'Run', submenu: [item('Run', 'run.start', 'CmdOrCtrl+Return'), item('Cancel', 'run.cancel', 'CmdOrCtrl+.')] },
    { role: 'windowMenu' },
    { label: 'Help', submenu: [item('Commands…', 'palette.open', 'CmdOrCtrl+K'), item('Keyboard Shortcuts', 'help.shortcuts', 'F1')] },
  ];
}
