/** Charts of a run as files: the numbers, and a picture with its title, source and provenance. */
import { FAMILIES } from '../../../common/colour/families.ts';
import type { RunDetail } from '../../../common/contract/payloads.ts';
import type { SpaceName } from '../../../common/recipe.ts';
import { reportFrom } from '../../lab.ts';
import { csvOf } from '../../parts/chart.ts';
import type { Chart } from '../../parts/chart.ts';
import { drawChart } from '../../parts/draw-chart.ts';
import { pngOf } from '../../parts/png.ts';
import { savePng, saveText, tellError } from '../../state/actions.ts';
import type { Services } from '../../state/app-context.ts';

/** Dots per inch of exported charts, and pixels per CSS pixel: 3 at 300 dpi prints a chart at 96 CSS pixels an inch. */
const EXPORT_DPI = 288;
const EXPORT_SCALE = 3;

/** What the two buttons of a chart do. */
export function chartSavers(services: Services, detail: RunDetail, space: SpaceName, chart: Chart): { readonly onCsv: () => void; readonly onPng: () => void } {
  const { row, recipe } = detail, stem = `${row.name} ${space} ${chart.title}`.replaceAll(/[\\/:*?"<>|]/g, '-');
  const png = async (): Promise<void> => {
    try {
      const canvas = drawChart(chart, { title: `${chart.title}, ${FAMILIES[space].title.toLowerCase()} features (${FAMILIES[space].short})`, source: `${row.name}; ${row.dataLabel}, ${row.subject}; seed ${recipe.seed}`, synthetic: row.synthetic }, EXPORT_SCALE);
      await savePng(services, `${stem}.png`, await pngOf(canvas, EXPORT_DPI, { Software: 'Optogram', Description: `run ${row.id}; ${chart.title}; ${space}; seed ${recipe.seed}${row.synthetic ? '; synthetic data' : ''}` }));
    } catch (error) { tellError('The chart could not be drawn', reportFrom(error)); }
  };
  return { onCsv: () => { void saveText(services, `${stem}.csv`, csvOf(chart.csv)); }, onPng: () => { void png(); } };
}
