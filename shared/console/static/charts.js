// Lines over the last minutes, drawn as SVG. One look: no library is needed for that.
import { Component, createRef } from "./dom.js";
import { html, duration, number } from "./parts.js";

const spans = [2, 5, 15]; // minutes: what fits what is known
const longest = 15 * 60 * 1000; // ms that are kept
const most = 400; // samples that are kept

// History keeps what the pools said, as far back as it is shown.
export class History {
  samples = [];
  add(at, values) {
    this.samples.push({ at, values });
    while (this.samples.length > most || this.samples[0].at < at - longest) this.samples.shift();
  }
}

// ceiling is the next larger number that reads well on an axis.
function ceiling(value) {
  if (value <= 4) return 4;
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].map((m) => m * unit).find((m) => m >= value);
}

// runs cuts a line where nothing was heard for long: a gap is no straight line.
function runs(points, gap) {
  const out = [];
  for (const p of points) {
    const last = out.at(-1)?.at(-1);
    if (!last || p.at - last.at > gap) out.push([]);
    out.at(-1).push(p);
  }
  return out;
}

const steps = [30, 60, 120, 300, 600]; // seconds between two labels of the time axis

const minutes = (samples) => spans.find((m) => samples.at(-1)?.at - samples[0]?.at <= m * 60_000) ?? (samples.length ? 15 : 2);

export class Chart extends Component {
  state = { width: 480, over: null };
  plot = createRef();
  componentDidMount() {
    this.watch = new ResizeObserver(([entry]) => this.setState({ width: Math.max(200, Math.round(entry.contentRect.width)) }));
    this.watch.observe(this.plot.current);
  }
  componentWillUnmount() { this.watch.disconnect(); }
  render({ title, lines, samples, seconds, every }, { width, over }) {
    const show = seconds ? duration : number;
    const height = 132, left = 44, right = 8, top = 8, bottom = 20;
    const span = minutes(samples) * 60_000, now = samples.at(-1)?.at ?? Date.now(), begin = now - span;
    const of = (line, s) => line.of(s.values);
    const high = ceiling(Math.max(0, ...lines.flatMap((line) => samples.map((s) => of(line, s) ?? 0))));
    const x = (at) => left + (at - begin) / span * (width - left - right);
    const y = (value) => top + (1 - value / high) * (height - top - bottom);
    const step = steps.find((s) => width / (span / 1000 / s) > 64) ?? 600;
    const marks = [];
    for (let s = step; s < span / 1000; s += step) marks.push(s);
    const at = over == null ? samples.at(-1) : samples.reduce((a, b) => Math.abs(b.at - over) < Math.abs(a.at - over) ? b : a, samples[0]);
    const move = (e) => {
      const box = e.currentTarget.getBoundingClientRect();
      this.setState({ over: begin + (e.clientX - box.left - left) / (width - left - right) * span });
    };
    const said = lines.map((line) => `${line.name} ${at ? show(of(line, at)) : "unknown"}`).join(", ");
    return html`<figure class="chart"><figcaption><b>${title}</b>
        ${lines.map((line, i) => html`<span class="key k${i}">${line.name} <output>${at ? show(of(line, at)) : "–"}</output></span>`)}
        ${over != null && at && html`<span class="fresh">${new Date(at.at).toLocaleTimeString()}</span>`}</figcaption>
      <div class="plot" ref=${this.plot}><svg role="img" aria-label="${title}, the last ${span / 60_000} minutes: now ${said}" width=${width} height=${height} viewBox="0 0 ${width} ${height}"
          onPointerMove=${move} onPointerLeave=${() => this.setState({ over: null })}>
        ${[0, 0.5, 1].map((part) => html`<g class="grid"><line x1=${left} x2=${width - right} y1=${y(part * high)} y2=${y(part * high)}/>
          <text x=${left - 6} y=${y(part * high) + 4} text-anchor="end">${seconds ? duration(part * high) : number(part * high)}</text></g>`)}
        ${marks.map((s) => html`<g class="grid"><text x=${x(now - s * 1000)} y=${height - 5} text-anchor="middle">−${s < 60 || s % 60 ? `${s} s` : `${s / 60} min`}</text></g>`)}
        ${lines.map((line, i) => runs(samples.filter((s) => of(line, s) != null), 4 * every).map((run) => html`<path class="line k${i}"
          d=${run.map((s, j) => `${j ? "L" : "M"}${x(s.at).toFixed(1)} ${y(of(line, s)).toFixed(1)}`).join("")}/>`))}
        ${at && lines.map((line, i) => of(line, at) != null && html`<circle class="dot k${i}" r="2.5" cx=${x(at.at)} cy=${y(of(line, at))}/>`)}
        ${over != null && at && html`<line class="cursor" x1=${x(at.at)} x2=${x(at.at)} y1=${top} y2=${height - bottom}/>`}
      </svg></div></figure>`;
  }
}

// Spark is a line without axes, in a row of a table.
export function Spark({ samples, of, what }) {
  const width = 96, height = 22, span = minutes(samples) * 60_000, now = samples.at(-1)?.at ?? 0;
  const points = samples.filter((s) => of(s.values) != null);
  const high = Math.max(1, ...points.map((s) => of(s.values)));
  const d = points.map((s, i) => `${i ? "L" : "M"}${((1 - (now - s.at) / span) * (width - 2)).toFixed(1)} ${(1 + (1 - of(s.values) / high) * (height - 2)).toFixed(1)}`).join("");
  return html`<svg class="spark" role="img" aria-label="${what}, the last minutes" width=${width} height=${height}><path class="line k0" d=${d || "M0 0"}/></svg>`;
}
