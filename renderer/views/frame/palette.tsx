import { Spotlight } from '@mantine/spotlight';
import type { SpotlightActionGroupData } from '@mantine/spotlight';
import { Brain, ChevronRight, FlaskConical, Image, MapPin, Search } from 'lucide-react';
import { selectRun } from '../../state/actions.ts';
import { goTo, keyText } from '../../state/commands.ts';
import type { Command } from '../../state/commands.ts';
import { useDetail, useRuns, useSubject } from '../../state/selectors.ts';
import { useLab, useServices } from '../../state/app-context.ts';

/** Commands, runs, regions and pictures in one box. */
export function Palette({ commands }: { readonly commands: readonly Command[] }) {
  const services = useServices();
  const runs = useRuns();
  const detail = useDetail();
  const subject = useSubject();
  const mac = useLab((s) => s.info?.platform === 'darwin');
  const regions = subject?.atlases.find((atlas) => atlas.name === detail?.recipe.data.atlas)?.regions ?? [];
  const groups: SpotlightActionGroupData[] = [
    { group: 'Commands', actions: commands.filter((command) => command.id !== 'palette.open').map((command) => ({
      id: command.id, label: command.title, keywords: command.group, leftSection: command.group === 'Cortex' ? <Brain size={16} /> : <ChevronRight size={16} />,
      rightSection: command.keys?.[0] === undefined ? undefined : <span className="kbd">{keyText(command.keys[0], mac)}</span>, onClick: command.run,
    })) },
    { group: 'Runs', actions: runs.map((run) => ({
      id: `run ${run.id}`, label: run.name, description: `${run.subject}, ${run.state}`, leftSection: <FlaskConical size={16} />, onClick: () => { void selectRun(services, run.id); },
    })) },
    { group: 'Regions', actions: regions.map((region) => ({
      id: `region ${region.name}`, label: region.name, description: `${region.voxels.toLocaleString('en')} voxels`, leftSection: <MapPin size={16} />,
      onClick: () => { goTo(services, 'cortex'); services.view.select(`Region ${region.name}`, { region: region.name, voxel: null, pin: null }); },
    })) },
    { group: 'Pictures', actions: (detail?.images ?? []).map((image) => ({
      id: `image ${image.imageId}`, label: `Image ${image.imageId}`, description: 'Show its contribution map', leftSection: <Image size={16} />,
      onClick: () => { goTo(services, 'cortex'); services.view.select(`Image ${image.imageId}`, { imageId: image.imageId }); },
    })) },
  ];
  return (
    <Spotlight actions={groups.filter((group) => group.actions.length > 0)} limit={12} shortcut={null} nothingFound="Nothing of that name" maxHeight={440} scrollable overlayProps={{ backgroundOpacity: 0.45, blur: 0 }}
      searchProps={{ leftSection: <Search size={18} />, placeholder: 'Search commands, runs, regions, images by number' }} />
  );
}
