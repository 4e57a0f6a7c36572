// What the views are made of: numbers and times in words, marks, tables, pages.
import { html } from "./dom.js";
import { clock } from "./server.js";

export { html };

const hours = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

// duration writes seconds with one unit, or two.
export function duration(seconds) {
  if (seconds == null) return "–";
  const s = Math.max(0, seconds);
  if (s < 10) return s.toFixed(1).replace(/\.0$/, "") + " s";
  if (s < 120) return Math.round(s) + " s";
  if (s < 7200) return Math.round(s / 60) + " min";
  if (s < 172_800) return Math.round(s / 3600) + " h";
  return Math.round(s / 86_400) + " days";
}

export const number = (n) => n == null ? "–" : n.toLocaleString("en-US");
export const plural = (n, one, many = one + "s") => `${number(n)} ${n === 1 ? one : many}`;

// Ago is a time as its distance from now; the exact one is in its title.
export function Ago({ at, never = "–" }) {
  if (at == null) return never;
  const when = new Date(at * 1000), passed = clock.now() / 1000 - at;
  const text = passed < -1 ? "in " + duration(-passed) : passed < 2 ? "now" : duration(passed) + " ago";
  return html`<time datetime=${when.toISOString()} title=${full.format(when)}>${text}</time>`;
}

// Moment is a time of the day, with its date if it is another day's.
export function Moment({ at }) {
  if (at == null) return "–";
  const when = new Date(at * 1000);
  const today = when.toDateString() === new Date().toDateString();
  return html`<time datetime=${when.toISOString()} title=${full.format(when)}>${today ? hours.format(when) : full.format(when)}</time>`;
}

const looks = {
  ok: "good", done: "good", finished: "good", running: "busy", claimed: "busy", queued: "wait", created: "wait",
  paused: "warn", draining: "warn", quarantined: "bad", retired: "off", silent: "off", stopped: "off", cancelled: "off",
};

// Mark is a state as a word with a shape: colour alone tells nothing.
export const Mark = ({ of, text = of }) => html`<span class="mark ${looks[of] ?? "off"}">${text}</span>`;

// Paused is a pause in words, or nothing.
export const Paused = ({ pause }) => pause && html`<span class="why">paused <${Ago} at=${pause.at}/> by ${pause.by}: ${pause.why}</span>`;

// Table shows rows; on a narrow page each is a card. columns: {title, cell, num, key}.
export function Table({ caption, columns, rows, id, empty = "Nothing to show." }) {
  if (!rows.length) return html`<p class="empty">${empty}</p>`;
  columns = columns.filter((c) => !c.act || page.mayAct === true);
  return html`<table role="table"><caption class="unseen">${caption}</caption>
    <thead role="rowgroup"><tr role="row">${columns.map((c) => html`<th role="columnheader" scope="col" class=${c.num ? "num" : ""}>${c.act ? html`<span class="unseen">${c.title}</span>` : c.title}</th>`)}</tr></thead>
    <tbody role="rowgroup">${rows.map((row) => html`<tr role="row" key=${id(row)}>${columns.map((c) =>
      html`<td role="cell" data-title=${c.act ? null : c.title} class=${c.num ? "num" : c.wide ? "wide" : ""}>${c.cell(row)}</td>`)}</tr>`)}</tbody></table>`;
}

// Pager turns the pages of a list that the browser has.
export function Pager({ total, from, size, turn, what, more }) {
  const last = Math.min(from + size, total);
  return html`<nav class="pager" aria-label="Pages of ${what}">
    <span role="status">${total ? `${number(from + 1)}–${number(last)} of ${number(total)}${more ? "+" : ""}` : "0"} ${what}</span>
    <button disabled=${from === 0} onClick=${() => turn(Math.max(0, from - size))}>Previous</button>
    <button disabled=${last >= total} onClick=${() => turn(from + size)}>Next</button></nav>`;
}

// Held is what a feed says in place of its data, or its data.
export function Held({ feed, what, children }) {
  const r = feed.refusal;
  if (r?.notOffered) return html`<p class="note" role="note">Not offered by this server, which is of a version before this page's: ${what.toLowerCase()}.</p>`;
  if (r?.lacksScope) return html`<p class="note" role="note">This token may not read ${what.toLowerCase()}: ${r.message}. Issue one with <code>ctl token issue -kind producer -scopes ops:read,ops:write</code>.</p>`;
  if (r) return html`<p class="note bad" role="alert">${what}: ${r.message}.</p>`;
  if (!feed.data) return html`<p class="empty" role="status">Loading…</p>`;
  return children(feed.data);
}

export const Fresh = ({ feed }) => html`<span class="fresh">${feed.at ? html`as of <${Moment} at=${feed.at / 1000}/>` : ""}</span>`;

export const jobLink = (id) => html`<a class="id" href="#/jobs/${encodeURIComponent(id)}">${id}</a>`;
export const runnerLink = (name) => name ? html`<a class="id" href="#/runners/${encodeURIComponent(name)}">${name}</a>` : "–";

// Names of the wire's numbers; a test compares them with the server's.
export const languages = ["C11", "C++17", "Python 3", "handwritten", "C++20", "Java", "Go", "Rust", "JavaScript (Node)", "Python 3 (PyPy)"];
export const statuses = ["AC", "WA", "CE", "TLE", "MLE", "RE", "JE", "OLE"];
export const language = (n) => n == null ? "–" : languages[n] ?? `language ${n}`;
export const status = (n) => n == null ? "–" : statuses[n] ?? `status ${n}`;

// page is what the views need of the whole: drawing it again, and telling something.
export const page = { draw() {}, tell() {}, mayAct: null };
