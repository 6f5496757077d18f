import type { EChartsOption, SeriesOption, XAXisComponentOption, YAXisComponentOption } from "echarts";

/** What is drawn, and how high. */
export interface Drawing {
  readonly option: EChartsOption;
  /** In pixels. */
  readonly height?: number;
}

/** A small chart among others, with axes of its own. */
export interface Panel {
  readonly title: string;
  readonly xAxis: XAXisComponentOption;
  readonly yAxis: YAXisComponentOption;
  readonly series: SeriesOption;
}

/** How many panels a chart can show. */
export const PANELS_MAX = 12;

/** In pixels, of panels in two columns. */
const PANEL = { left: 62, top: 84, width: 280, height: 120, right: 352, below: 192 } as const;

const TITLE_MAX = 40;

const SMALL = { fontSize: 10, hideOverlap: true } as const;

/**
 * Small charts below one title, each with a scale of its own: columns whose numbers differ in size can be seen side by side.
 *
 * @param of  how many there are; where more than `PANELS_MAX`, the title says that it shows the first
 */
export function panelsOf(
  title: string,
  { panels, of }: { readonly panels: readonly Panel[]; readonly of: number },
): Drawing {
  const shown = panels.slice(0, PANELS_MAX);
  const text = of > shown.length ? `${title} (${shown.length} of ${of} columns)` : title;
  const [only] = shown;
  if (only !== undefined && shown.length === 1) {
    const { xAxis, yAxis, series } = only;
    return {
      option: {
        title: { text: of > 1 ? text : `${title}: ${clipped(only.title)}` },
        xAxis,
        yAxis: scaled(yAxis),
        series,
      },
    };
  }
  const placed = shown.map((panel, i) => {
    const left = PANEL.left + (i % 2) * PANEL.right;
    const top = PANEL.top + Math.floor(i / 2) * PANEL.below;
    const { width, height } = PANEL;
    return {
      grid: { left, top, width, height, outerBoundsMode: "none" as const },
      title: { text: clipped(panel.title), left, top: top - 28, textStyle: { fontSize: 12 } },
      xAxis: {
        splitNumber: 4,
        ...panel.xAxis,
        gridIndex: i,
        axisLabel: { ...SMALL, ...panel.xAxis.axisLabel },
      } as XAXisComponentOption,
      yAxis: { splitNumber: 3, ...scaled(panel.yAxis), gridIndex: i } as YAXisComponentOption,
      series: { ...panel.series, xAxisIndex: i, yAxisIndex: i } as SeriesOption,
    };
  });
  return {
    option: {
      title: [{ text }, ...placed.map((one) => one.title)],
      grid: placed.map(({ grid }) => grid),
      xAxis: placed.map(({ xAxis }) => xAxis),
      yAxis: placed.map(({ yAxis }) => yAxis),
      series: placed.map(({ series }) => series),
    },
    height: PANEL.top + Math.ceil(placed.length / 2) * PANEL.below - 20,
  };
}

/** An axis of numbers, whose labels stay short. */
export function scaled(axis: YAXisComponentOption): YAXisComponentOption {
  // NOTE: it is of values, as all of ours that are upright.
  return { ...axis, axisLabel: { fontSize: 10, formatter: shortly } } as YAXisComponentOption;
}

const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 6 });

/** A number as an axis shows it. */
export function shortly(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e15 || size < 1e-4)) return value.toExponential(2).replace(/\.?0+e/, "e");
  return size >= 1e4 ? COMPACT.format(value) : String(Number(value.toPrecision(4)));
}

function clipped(text: string): string {
  return text.length <= TITLE_MAX ? text : `${text.slice(0, TITLE_MAX)}…`;
}
