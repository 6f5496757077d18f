import type { Drawing } from "./panels.ts";

/** In pixels. */
const WIDTH = 720;

const HEIGHT = 440;

/**
 * Draws a chart as SVG.
 *
 * @returns `undefined` where ECharts is not installed
 */
export async function draw({ option, height = HEIGHT }: Drawing): Promise<string | undefined> {
  const echarts = await importECharts();
  if (echarts === undefined) return undefined;
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  try {
    chart.setOption({ animation: false, backgroundColor: "#fff", ...option });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

/** ECharts, which draws without a browser, and of it what our charts need: the whole takes twice as long to load. */
async function importECharts(): Promise<typeof import("echarts/core") | undefined> {
  try {
    const core = await import("echarts/core");
    const { BarChart, HeatmapChart, LineChart, ScatterChart } = await import("echarts/charts");
    const components = await import("echarts/components");
    const { SVGRenderer } = await import("echarts/renderers");
    const { GridComponent, LegendComponent, MarkLineComponent, TitleComponent, VisualMapComponent } = components;
    core.use([BarChart, HeatmapChart, LineChart, ScatterChart, SVGRenderer]);
    core.use([GridComponent, LegendComponent, MarkLineComponent, TitleComponent, VisualMapComponent]);
    return core;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
