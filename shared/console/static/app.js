// The frame: signing in, moving between views, the banner, the clock of the feeds.
import { draw } from "./dom.js";
import { call, link, pace, Refusal, refreshAll, retry, tick, token } from "./server.js";
import { Ago, html, Mark, Moment, page, Paused } from "./parts.js";
import { acting, Dialog } from "./acts.js";
import * as views from "./views.js";

const menu = [
  ["", "Overview", views.overview],
  ["runners", "Runners", views.fleetView, views.runnerView],
  ["jobs", "Jobs", views.jobsView, views.jobView],
  ["disputes", "Disputes", views.disputesView],
  ["audit", "Audit", views.auditView],
  ["rejudges", "Rejudges", views.rejudgesView],
];

const paces = [[1, "every 5 s"], [3, "every 15 s"], [12, "every minute"], [0, "by hand"]];

let view = null, place = "", refused = "", entering = false, learning = false, notice = null, drawing = false;

page.draw = () => {
  if (drawing) return;
  drawing = true;
  queueMicrotask(() => { drawing = false; draw(html`<${Page}/>`, document.getElementById("page")); });
};
page.tell = (text) => { notice = { text, at: Date.now() }; page.draw(); };
link.changed = () => {
  const fault = [views.pools, ...(view?.feeds ?? [])].find((f) => f.refusal?.status === 401);
  if (fault) leave("The server no longer knows the token: it was revoked. Sign in with another one.");
  if (view && !link.error) learn();
  page.draw();
};

// learn asks whether the token may act, by an act that says nothing: it is refused for
// that, unless it is refused before for its token. While nothing comes of that, it is
// asked again with the feeds.
async function learn() {
  if (learning || page.mayAct !== null) return;
  learning = true;
  const asked = token.get();
  let may = null;
  try {
    await call("POST", "/ops/runners/none", {});
  } catch (e) {
    if (e instanceof Refusal) may = e.lacksScope ? false : e.notOffered ? "absent" : true;
  }
  learning = false;
  if (token.get() === asked) page.mayAct = may;
  page.draw();
}

async function enter(event) {
  event.preventDefault();
  const typed = new FormData(event.currentTarget).get("token").trim();
  if (!typed || entering) return;
  entering = true;
  refused = "";
  page.draw();
  token.set(typed);
  try {
    await call("GET", "/ops/runners?limit=1");
  } catch (e) {
    token.forget();
    refused = e.status === 401 ? "The server does not know this token. It takes a producer's token with the scope ops:read."
      : e.lacksScope ? `This token may not look here: ${e.message}. Issue one with: ctl token issue -kind producer -name NAME -scopes ops:read,ops:write`
      : e.notOffered ? "This server is of a version that has nothing for an operator."
      : e.message;
  }
  entering = false;
  if (!refused) begin();
  page.draw();
}

function begin() {
  views.pools.start();
  go();
  learn();
}

function leave(why = "") {
  token.forget();
  for (const feed of [views.pools, ...(view?.feeds ?? [])]) { feed.stop(); feed.data = feed.refusal = null; }
  acting.now = null;
  view = null;
  place = "";
  refused = why;
  page.mayAct = null;
  page.draw();
}

// go opens the view that the address names.
function go() {
  if (!token.get() || entering) return page.draw();
  const [path, asked] = location.hash.replace(/^#\/?/, "").split("?");
  if (view && location.hash === place) return;
  const first = !view;
  const [name, ...rest] = path.split("/");
  const entry = menu.find(([n]) => n === name);
  let argument = "";
  try { argument = decodeURIComponent(rest.join("/")); } catch { /* no name */ }
  for (const feed of view?.feeds ?? []) feed.stop();
  place = location.hash;
  view = !entry ? lost() : argument && entry[3] ? entry[3](argument) : entry[2](argument, new URLSearchParams(asked));
  view.name = entry?.[0] ?? null;
  for (const feed of view.feeds) feed.start();
  document.title = `${view.title} · runlease`;
  notice = null;
  page.draw();
  if (!first) queueMicrotask(() => { document.querySelector("h1")?.focus(); scrollTo(0, 0); });
}

const lost = () => ({ title: "Nothing here", feeds: [], draw: () => html`<p class="note" role="note">The console has no such page. <a href="#/">Overview</a></p>` });

function SignIn() {
  return html`<main class="alone"><h1>runlease console</h1>
    <form onSubmit=${enter}><label class="field">Token<input name="token" type="password" autocomplete="off" spellcheck=${false} required autofocus/></label>
      <p class="hint">A producer's token with the scope <code>ops:read</code>, and <code>ops:write</code> to act. It is kept in this tab and nowhere else.</p>
      <p role="alert" class="refused">${refused}</p>
      <button class="main" disabled=${entering}>${entering ? "Asking the server…" : "Sign in"}</button></form></main>`;
}

function Banner() {
  if (!link.error) return html`<div class="banner" role="alert"></div>`;
  const wait = link.at === Infinity ? "Asking now…" : `Asking again in ${Math.max(1, Math.ceil((link.at - Date.now()) / 1000))} s.`;
  return html`<div class="banner away" role="alert"><p><b>${link.error}</b> What is shown is from before <${Moment} at=${link.since / 1000}/>.</p>
    <p class="again"><span aria-hidden="true">${wait}</span> <button onClick=${() => { retry(); page.draw(); }}>Ask now</button></p></div>`;
}

function Page() {
  if (!token.get() || !view) return html`<${SignIn}/>`;
  const paused = views.pools.data?.paused;
  const find = (e) => {
    e.preventDefault();
    const id = new FormData(e.currentTarget).get("id").trim();
    if (id) location.hash = "#/jobs/" + encodeURIComponent(id);
    e.currentTarget.reset();
  };
  return html`<a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); document.querySelector("h1").focus(); }}>To the content</a>
    <header><span class="name">runlease</span>
      <nav aria-label="Views"><ul>${menu.map(([name, title]) => html`<li><a href="#/${name}" aria-current=${view.name === name ? "page" : null}>${title}</a></li>`)}</ul></nav>
      <form role="search" aria-label="Job" onSubmit=${find}><input name="id" aria-label="Job id" placeholder="Job id" required size="14"/><button>Look</button></form>
      <div class="session"><label>Refresh <select onChange=${(e) => { pace.factor = Number(e.target.value); }}>${paces.map(([f, t]) => html`<option value=${f} selected=${f === pace.factor}>${t}</option>`)}</select></label>
        ${!pace.factor && html`<button onClick=${refreshAll}>Refresh</button>`}
        <button onClick=${() => leave()}>Sign out</button></div></header>
    <${Banner}/>
    <main id="main">
      <h1 tabindex="-1">${view.title}</h1>
      ${view.acts && page.mayAct === false && html`<p class="note" role="note">Read only: this token lacks the scope <code>ops:write</code>, so nothing can be paused or steered with it.</p>`}
      ${view.acts && page.mayAct === "absent" && html`<p class="note" role="note">Read only: acts are not offered by this server.</p>`}
      ${paused && view.name !== "" && html`<p class="note warn" role="note"><${Mark} of="paused" text="everything"/> <${Paused} pause=${paused}/></p>`}
      <div class="notice" role="status">${notice && html`<p><span>${notice.text}</span> <button aria-label="Dismiss" onClick=${() => { notice = null; page.draw(); }}>×</button></p>`}</div>
      ${view.draw()}
    </main>
    ${acting.now && html`<${Dialog} key=${acting.now} act=${acting.now}/>`}`;
}

addEventListener("hashchange", go);
document.addEventListener("visibilitychange", () => tick());
setInterval(() => { tick(); page.draw(); }, 1000);
if (token.get()) begin(); else page.draw();
