/** Line charts with logarithmic axes, as SVG that can be read on light and on dark pages. */

export interface Chart {
  readonly title: string
  readonly panels: readonly Panel[]
  /** Below the axes of each panel, and beside them. */
  readonly x: string
  readonly y: string
}

export interface Panel {
  readonly title: string
  readonly series: readonly Series[]
}

export interface Series {
  readonly name: string
  /** x and y, both greater than zero, x rising. */
  readonly points: readonly (readonly [number, number])[]
}

const PANEL = { width: 400, height: 300, left: 62, right: 96, top: 56, bottom: 48 } as const

/** Okabe and Ito's, which colour-blind people can tell apart, in a shade for each background. */
const COLOURS = ['#d55e00', '#0072b2', '#009e73', '#cc79a7', '#b8860b', '#777777']

const STYLE = `
    svg { background: #fff; }
    text { font: 12px system-ui, sans-serif; fill: #222; }
    .title { font-size: 14px; font-weight: 600; }
    .grid { stroke: #ddd; } .axis { stroke: #888; }
    @media (prefers-color-scheme: dark) {
      svg { background: #0d1117; }
      text { fill: #ddd; }
      .grid { stroke: #30363d; }
      .line, .dot { filter: brightness(1.25); }
    }`

export function chartSvg({ title, panels, x, y }: Chart): string {
  const width = PANEL.width * panels.length
  const scale = scalesOf(panels)
  const names = [...new Set(panels.flatMap(({ series }) => series.map(({ name }) => name)))]
  const drawn = panels.map((panel, index) => {
    const colour = (name: string): string => COLOURS[names.indexOf(name) % COLOURS.length] ?? ''
    const lines = [...axes(scale, { title: panel.title, x, y }), ...curves(panel, scale, colour)]
    return `  <g transform="translate(${index * PANEL.width} 0)">\n${indent(lines)}\n  </g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${PANEL.height}" width="${width}" height="${PANEL.height}" role="img" aria-label="${escapeXml(title)}">
  <style>${STYLE}
  </style>
  <text class="title" x="12" y="20">${escapeXml(title)}</text>
${drawn.join('\n')}
</svg>
`
}

interface Axis {
  readonly ticks: readonly number[]
  /** Where a value is, in pixels. */
  readonly at: (value: number) => number
}

/** The same for all panels: they are there to be compared. */
function scalesOf(panels: readonly Panel[]): { readonly x: Axis; readonly y: Axis } {
  const points = panels.flatMap(({ series }) => series.flatMap((one) => one.points))
  const { width, height, left, right, top, bottom } = PANEL
  return {
    x: axis(
      points.map(([x]) => x),
      left,
      width - right,
    ),
    y: axis(
      points.map(([, y]) => y),
      height - bottom,
      top,
    ),
  }
}

/** From one power of ten to another. */
function axis(values: readonly number[], start: number, end: number): Axis {
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))))
  return {
    ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)),
    at: (value) => start + ((Math.log10(value) - low) / (high - low)) * (end - start),
  }
}

function axes(
  scale: { readonly x: Axis; readonly y: Axis },
  { title, x, y }: { readonly title: string; readonly x: string; readonly y: string },
): readonly string[] {
  const { height, width, left, right, top, bottom } = PANEL
  const [base, end] = [height - bottom, width - right]
  return [
    `<text x="${left}" y="42">${escapeXml(title)}</text>`,
    ...scale.y.ticks.flatMap((tick) => {
      const at = px(scale.y.at(tick))
      return [
        `<line class="grid" x1="${left}" x2="${end}" y1="${at}" y2="${at}"/>`,
        `<text x="${left - 6}" y="${at + 4}" text-anchor="end">${short(tick)}</text>`,
      ]
    }),
    ...scale.x.ticks.flatMap((tick) => {
      const at = px(scale.x.at(tick))
      return [
        `<line class="grid" x1="${at}" x2="${at}" y1="${top}" y2="${base}"/>`,
        `<text x="${at}" y="${base + 18}" text-anchor="middle">${short(tick)}</text>`,
      ]
    }),
    `<line class="axis" x1="${left}" x2="${end}" y1="${base}" y2="${base}"/>`,
    `<line class="axis" x1="${left}" x2="${left}" y1="${top}" y2="${base}"/>`,
    `<text x="${(left + end) / 2}" y="${base + 38}" text-anchor="middle">${escapeXml(x)}</text>`,
    `<text x="14" y="${(top + base) / 2}" text-anchor="middle" transform="rotate(-90 14 ${(top + base) / 2})">${escapeXml(y)}</text>`,
  ]
}

const LABEL_HEIGHT = 14

/** Each with its name at its end, moved apart where two would cover each other. */
function curves(
  { series }: Panel,
  scale: { readonly x: Axis; readonly y: Axis },
  colour: (name: string) => string,
): readonly string[] {
  const placed = series
    .map(({ name, points }) => ({
      name,
      dots: points.map(([x, y]) => [px(scale.x.at(x)), px(scale.y.at(y))] as const),
    }))
    .toSorted((a, b) => (a.dots.at(-1)?.[1] ?? 0) - (b.dots.at(-1)?.[1] ?? 0))
  let free = 0
  return placed.flatMap(({ name, dots }) => {
    const [endX, endY] = dots.at(-1) ?? [0, 0]
    const labelY = Math.max(endY + 4, free)
    free = labelY + LABEL_HEIGHT
    const paint = colour(name)
    return [
      `<polyline class="line" fill="none" stroke="${paint}" stroke-width="2" points="${dots.map((dot) => dot.join(',')).join(' ')}"/>`,
      ...dots.map(([x, y]) => `<circle class="dot" cx="${x}" cy="${y}" r="3" fill="${paint}"/>`),
      `<text x="${endX + 8}" y="${labelY}">${escapeXml(name)}</text>`,
    ]
  })
}

function px(value: number): number {
  return Math.round(value * 10) / 10
}

function short(value: number): string {
  return value.toLocaleString('en')
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `    ${line}`).join('\n')
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
