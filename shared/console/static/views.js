// The views. A view has a title, the feeds that it shows, and what it draws.
import { call, everyPage, Feed, query } from "./server.js";
import { Ago, duration, Fresh, Held, html, jobLink, language, Mark, Moment, number, page, Pager, Paused, plural, runnerLink, status, Table } from "./parts.js";
import { Chart, History, Spark } from "./charts.js";
import { Act, pauseProblem, pausing, steer } from "./acts.js";

const second = 1000;
const fleet = 5000; // runners that are read at most

// The pools are read in every view: the lines go on, and the head shows a pause.
const history = new History();
export const pools = new Feed(() => call("GET", "/ops/pools"), 5 * second, (data) => {
  history.add(Date.now(), Object.fromEntries(data.pools.map((p) => [p.name, p])));
  if (!Object.keys(demand.data ?? {}).length) demand.due = 0; // it had no pools to ask about
});
const demand = new Feed(async () => {
  const names = (pools.data?.pools ?? []).slice(0, 8).map((p) => p.name);
  const found = await Promise.all(names.map((pool) => call("GET", "/ops/demand" + query({ pool }))));
  return Object.fromEntries(found.map((d) => [d.pool, d]));
}, 30 * second);
const runners = new Feed(() => everyPage("/ops/runners", "runners", fleet), 20 * second);

const sum = (key) => (values) => Object.values(values).reduce((n, p) => n + (p[key] ?? 0), 0);
const largest = (key) => (values) => Object.values(values).reduce((n, p) => p[key] == null ? n : Math.max(n ?? 0, p[key]), null);

function Tiles({ of }) {
  return html`<dl class="tiles">${of.map(([title, value, hint]) => html`<div><dt>${title}</dt><dd>${value}</dd>${hint && html`<dd class="hint">${hint}</dd>`}</div>`)}</dl>`;
}

// paged lists one page after the other as the server gives them.
class Pages {
  before = [];
  after = "";
  constructor(path, field, values, every) {
    this.feed = new Feed(() => call("GET", path + query({ ...values, after: this.after, limit: 50 })), every);
    this.field = field;
  }
  turn(to, before) {
    this.after = to;
    this.before = before;
    this.feed.data = null;
    this.feed.refresh();
    page.draw();
  }
  draw(what, table) {
    return html`<${Held} feed=${this.feed} what=${what}>${(data) => html`${table(data[this.field])}
      ${(this.before.length > 0 || data.next) && html`<nav class="pager" aria-label="Pages of ${what}">
        <button disabled=${!this.before.length} onClick=${() => this.turn(this.before.at(-1), this.before.slice(0, -1))}>Previous</button>
        <button disabled=${!data.next} onClick=${() => this.turn(data.next, [...this.before, this.after])}>Next</button></nav>`}`}<//>`;
  }
}

export const overview = () => ({
  title: "Overview",
  acts: true,
  feeds: [demand],
  draw() {
    return html`<${Held} feed=${pools} what="Pools">${(data) => {
      const all = Object.fromEntries(data.pools.map((p) => [p.name, p]));
      const few = data.pools.length <= 4;
      // A line for each of a few pools, else one for all, or several figures of all.
      const lines = (key, ...all) => few && data.pools.length > 1 ? data.pools.map((p) => ({ name: p.name, of: (v) => v[p.name]?.[key] })) : all;
      const every = pools.every;
      return html`
        <div class="bar"><p>${data.paused ? html`<${Mark} of="paused"/> <${Paused} pause=${data.paused}/>` : html`<${Mark} of="ok" text="serving"/>`}</p>
          <div class="buttons">${data.paused
            ? html`<${Act} act=${() => pausing("everything", {}, true)}>Resume everything…<//>`
            : html`<${Act} danger act=${() => pausing("everything", {}, false)}>Pause everything…<//>`}
          <${Act} act=${pauseProblem}>Pause a problem…<//></div></div>
        <${Tiles} of=${[
          ["Waiting", number(sum("waiting")(all)), "jobs"],
          ["Running", number(sum("running")(all)), "jobs"],
          ["Oldest waits", duration(largest("oldestSeconds")(all))],
          ["Runners", number(sum("runners")(all)), "present, not barred"],
        ]}/>
        <div class="charts">
          <${Chart} title="Waiting" lines=${lines("waiting", { name: "jobs", of: sum("waiting") })} samples=${history.samples} every=${every}/>
          <${Chart} title="Running" lines=${lines("running", { name: "jobs", of: sum("running") })} samples=${history.samples} every=${every}/>
          <${Chart} title="Wait of the oldest" seconds lines=${lines("oldestSeconds", { name: "oldest", of: largest("oldestSeconds") })} samples=${history.samples} every=${every}/>
          <${Chart} title="Wait in the last hour" seconds lines=${lines("meanWaitSeconds", { name: "mean", of: largest("meanWaitSeconds") }, { name: "p99", of: largest("p99WaitSeconds") })} samples=${history.samples} every=${every}/>
        </div>
        <h2>Pools</h2>
        <${Table} caption="Pools" rows=${data.pools} id=${(p) => p.name} columns=${[
          { title: "Pool", cell: (p) => html`<a class="id" href="#/jobs?state=queued&pool=${encodeURIComponent(p.name)}">${p.name}</a>` },
          { title: "State", wide: true, cell: (p) => p.paused ? html`<${Mark} of="paused"/> <${Paused} pause=${p.paused}/>` : html`<${Mark} of="ok"/>` },
          { title: "Waiting", num: true, cell: (p) => html`<${Spark} what="Waiting in ${p.name}" samples=${history.samples} of=${(v) => v[p.name]?.waiting}/> ${number(p.waiting)}` },
          { title: "Running", num: true, cell: (p) => number(p.running) },
          { title: "Oldest", num: true, cell: (p) => duration(p.oldestSeconds) },
          { title: "Mean wait", num: true, cell: (p) => duration(p.meanWaitSeconds) },
          { title: "p99 wait", num: true, cell: (p) => duration(p.p99WaitSeconds) },
          { title: "Messages", num: true, cell: (p) => html`<span title="visible, and in flight">${number(p.depth)} + ${number(p.inFlight)}</span>` },
          { title: "Runners", num: true, cell: (p) => html`<span title="present and not barred; their slots">${number(p.runners)}${p.slots != null ? ` (${plural(p.slots, "slot")})` : ""}</span>` },
          { title: "Wanted", num: true, cell: (p) => { const d = demand.data?.[p.name]; return html`<span title="slots for the target wait">${d ? plural(d.wanted, "slot") : "–"}</span>`; } },
          { act: true, title: "Acts", cell: (p) => html`<${Act} act=${() => pausing("pool " + p.name, { pool: p.name }, !!p.paused)}>${p.paused ? "Resume…" : "Pause…"}<//>` },
        ]}/>
        ${data.problems.length > 0 && html`<h2>Paused problems</h2>
        <${Table} caption="Paused problems" rows=${data.problems} id=${(p) => p.problemId} columns=${[
          { title: "Problem", cell: (p) => html`<a class="id" href="#/jobs?state=queued&problem=${p.problemId}">${p.problemId}</a>` },
          { title: "State", wide: true, cell: (p) => html`<${Mark} of="paused"/> <${Paused} pause=${p.paused}/>` },
          { act: true, title: "Acts", cell: (p) => html`<${Act} act=${() => pausing("problem " + p.problemId, { problemId: p.problemId }, true)}>Resume…<//>` },
        ]}/>`}`;
    }}<//>`;
  },
});

// What a runner's state is called here: a silent runner is not there.
const shown = (r) => r.state === "ok" && !r.present ? "silent" : r.state;
const troubles = (r) => r.health ? r.health.badEnds + r.health.lostLeases + r.health.infraErrors : 0;

const orders = {
  name: ["Name", (a, b) => a.name < b.name ? -1 : 1],
  heard: ["Last heard", (a, b) => b.lastHeard - a.lastHeard],
  trouble: ["Troubles", (a, b) => troubles(b) - troubles(a)],
};

function Health({ of }) {
  if (!of) return "–";
  const bad = [[of.badEnds, "bad in a row"], [of.lostLeases, "lost"], [of.infraErrors, of.infraErrors === 1 ? "infra error" : "infra errors"]].filter(([n]) => n).map(([n, what]) => `${n} ${what}`);
  return html`${bad.join(", ") || "good"}${of.probeAt && html`, probe <${Ago} at=${of.probeAt}/>`}`;
}

export function fleetView() {
  const narrow = matchMedia("(max-width: 760px)");
  const at = { text: "", state: "", order: "name", from: 0, chosen: new Set() };
  const set = (values) => { Object.assign(at, { from: 0 }, values); page.draw(); };
  return {
    title: "Runners",
    acts: true,
    feeds: [runners],
    draw() {
      return html`<${Held} feed=${runners} what="Runners">${(data) => {
        const size = narrow.matches ? 20 : 50; // a card is as high as ten rows
        const counts = {};
        for (const r of data.runners) counts[shown(r)] = (counts[shown(r)] ?? 0) + 1;
        const found = data.runners.filter((r) => (!at.state || shown(r) === at.state) && (!at.text || [r.name, r.version, ...(r.pools ?? [])].some((t) => t?.toLowerCase().includes(at.text.toLowerCase()))))
          .sort(orders[at.order][1]);
        const part = found.slice(at.from, at.from + size);
        const chosen = data.runners.filter((r) => at.chosen.has(r.name));
        const choose = (names, on) => { for (const n of names) on ? at.chosen.add(n) : at.chosen.delete(n); page.draw(); };
        const columns = [
          { title: "Runner", cell: (r) => runnerLink(r.name) },
          { title: "State", wide: true, cell: (r) => html`<${Mark} of=${shown(r)}/> ${r.why && html`<span class="why">${r.why}${r.by && ` (${r.by})`}</span>`}` },
          { title: "Last heard", cell: (r) => html`<${Ago} at=${r.lastHeard}/>` },
          { title: "Health", cell: (r) => html`<${Health} of=${r.health}/>` },
          { title: "Pools", cell: (r) => r.pools?.join(", ") || "–" },
          { title: "Version", cell: (r) => r.version ?? "–" },
          { title: "Languages", cell: (r) => html`<span title=${r.languages.map(language).join(", ")}>${r.languages.join(" ")}${r.checkers ? " +checkers" : ""}</span>` },
        ];
        if (page.mayAct === true) {
          columns.unshift({ title: "Choose", cell: (r) => html`<input type="checkbox" aria-label="Choose ${r.name}" checked=${at.chosen.has(r.name)} onChange=${(e) => choose([r.name], e.target.checked)}/>` });
          columns.push({ act: true, title: "Acts", cell: (r) => html`<${Act} act=${() => steer([r])}>Steer…<//>` });
        }
        return html`<form class="bar" role="search" onSubmit=${(e) => e.preventDefault()}>
            <label>Find <input type="search" value=${at.text} placeholder="name, version, pool" onInput=${(e) => set({ text: e.target.value })}/></label>
            <label>State <select value=${at.state} onChange=${(e) => set({ state: e.target.value })}>
              <option value="">all (${number(data.runners.length)})</option>${Object.entries(counts).sort().map(([s, n]) => html`<option value=${s}>${s} (${number(n)})</option>`)}</select></label>
            <label>Order <select value=${at.order} onChange=${(e) => set({ order: e.target.value })}>${Object.entries(orders).map(([k, [t]]) => html`<option value=${k}>${t}</option>`)}</select></label>
            ${page.mayAct === true && html`<span class="buttons"><button type="button" onClick=${() => choose(found.map((r) => r.name), !found.every((r) => at.chosen.has(r.name)))}>Choose all ${number(found.length)}</button>
              ${chosen.length > 0 && html`<${Act} act=${() => steer(chosen)}>Steer ${plural(chosen.length, "runner")}…<//>`}</span>`}
            <${Fresh} feed=${runners}/></form>
          ${data.next && html`<p class="note">Only the first ${number(data.runners.length)} runners by name are shown.</p>`}
          <${Table} caption="Runners" rows=${part} id=${(r) => r.name} columns=${columns} empty=${data.runners.length ? "No runner is like that." : "No runner has been heard yet. Start one with -url and its token."}/>
          <${Pager} total=${found.length} from=${at.from} size=${size} turn=${(from) => set({ from })} what="runners" more=${data.next}/>`;
      }}<//>`;
    },
  };
}

export function runnerView(name) {
  const held = new Feed(() => call("GET", "/ops/jobs" + query({ state: "claimed", runner: name, limit: 100 })), 10 * second);
  return {
    title: name,
    acts: true,
    feeds: [runners, held],
    draw() {
      return html`<p class="up"><a href="#/runners">Runners</a></p><${Held} feed=${runners} what="Runners">${(data) => {
        const r = data.runners.find((one) => one.name === name);
        if (!r) return html`<p class="note" role="note">No runner of this name is known. A record goes 30 days after its runner was heard last.</p>`;
        return html`<div class="bar"><p><${Mark} of=${shown(r)}/> ${r.why && html`<span class="why">since <${Ago} at=${r.since}/>${r.by && `, by ${r.by}`}: ${r.why}</span>`}</p>
            <div class="buttons"><${Act} act=${() => steer([r])}>Steer…<//></div></div>
          <dl class="facts">
            <dt>Last heard</dt><dd><${Ago} at=${r.lastHeard}/> <span class="hint">written every 5 minutes at most</span></dd>
            <dt>First heard</dt><dd><${Moment} at=${r.firstHeard}/></dd>
            <dt>Version</dt><dd>${r.version ?? "not told"}</dd>
            <dt>Languages</dt><dd>${r.languages.map(language).join(", ")}</dd>
            <dt>Programs as checkers</dt><dd>${r.checkers ? "yes" : "no"}</dd>
            <dt>Pools</dt><dd>${r.pools?.join(", ") || "–"}</dd>
            <dt>Health</dt><dd><${Health} of=${r.health}/></dd>
          </dl>
          ${r.health?.lastEnds?.length > 0 && html`<h2>Bad ends since its last result</h2>
          <${Table} caption="Bad ends of ${name}" rows=${r.health.lastEnds} id=${(e) => `${e.submissionId} ${e.attempt}`} columns=${[
            { title: "When", cell: (e) => html`<${Moment} at=${e.at}/>` },
            { title: "Job", cell: (e) => jobLink(e.submissionId) },
            { title: "Attempt", num: true, cell: (e) => e.attempt },
            { title: "How", wide: true, cell: (e) => e.how.replaceAll("_", " ") },
          ]}/>`}
          <h2>Holds</h2>
          <${Held} feed=${held} what="Jobs">${(jobs) => html`<${Table} caption="Jobs that ${name} holds" rows=${jobs.jobs} id=${(j) => j.submissionId} empty="It holds nothing." columns=${jobColumns("claimed")}/>`}<//>`;
      }}<//>`;
    },
  };
}

// jobColumns are the columns that matter for jobs in a state.
const jobColumns = (state) => [
  { title: "Job", cell: (j) => jobLink(j.submissionId) },
  { title: "State", cell: (j) => html`<${Mark} of=${j.state}/>${j.disputed ? html` <${Mark} of="quarantined" text="disputed"/>` : ""}${j.cancelRequested ? html` <${Mark} of="cancelled" text="to be cancelled"/>` : ""}` },
  { title: "Problem", num: true, cell: (j) => j.problemId },
  { title: "Language", cell: (j) => language(j.language) },
  { title: "Group", cell: (j) => j.group ?? "–" },
  { title: "Pool", cell: (j) => j.pool ?? "default" },
  { of: "claimed final", title: "Runner", cell: (j) => runnerLink(j.runner) },
  { title: "Attempt", num: true, cell: (j) => number(j.attempt) + (j.failures ? ` (${plural(j.failures, "failure")})` : "") },
  { of: "queued claimed", title: "Queued", cell: (j) => html`<${Ago} at=${j.queuedAt}/>` },
  { of: "queued", title: "Lacks", cell: (j) => j.lacks ?? "–" },
  { of: "claimed", title: "Claimed", cell: (j) => html`<${Ago} at=${j.claimedAt}/>` },
  { of: "claimed", title: "Lease ends", cell: (j) => html`<${Ago} at=${j.leaseExpiresAt}/>` },
  { of: "final", title: "Ended", cell: (j) => html`<${Ago} at=${j.endedAt}/>` },
].filter((c) => !c.of || c.of.includes(state));

export function jobsView(_, asked) {
  const at = { state: asked.get("state") ?? "queued", pool: asked.get("pool") ?? "", runner: asked.get("runner") ?? "", problem: asked.get("problem") ?? "" };
  const list = new Pages("/ops/jobs", "jobs", at, 10 * second);
  const typed = { ...at }; // what a person has begun to ask for: drawing again leaves it
  const type = (e) => { typed[e.target.name] = e.target.value; };
  const show = (e) => {
    e.preventDefault();
    location.hash = "#/jobs" + query(typed);
  };
  const unasked = at.state === "final" && !at.problem;
  return {
    title: "Jobs",
    feeds: unasked ? [] : [list.feed],
    draw() {
      return html`<form class="bar" role="search" onSubmit=${show}>
          <label>State <select name="state" value=${typed.state} onChange=${type}>${["queued", "claimed", "final"].map((s) => html`<option value=${s} selected=${s === typed.state}>${s}</option>`)}</select></label>
          <label>Pool <input name="pool" value=${typed.pool} onInput=${type} size="10"/></label>
          <label>Runner <input name="runner" value=${typed.runner} onInput=${type} size="14"/></label>
          <label>Problem <input name="problem" value=${typed.problem} onInput=${type} inputmode="numeric" pattern="[0-9]*" size="6"/></label>
          <button class="main">Show</button><${Fresh} feed=${list.feed}/></form>
        ${unasked ? html`<p class="note" role="note">Final jobs are listed by problem: give its number.</p>` : list.draw("Jobs", (rows) => html`<${Table} caption="Jobs" rows=${rows} id=${(j) => j.submissionId} columns=${jobColumns(at.state)} empty="No job is like that."/>`)}`;
    },
  };
}

export function jobView(id) {
  const path = "/jobs/" + encodeURIComponent(id);
  const why = new Feed(() => call("GET", path + "/explain"), 5 * second);
  const steps = new Feed(() => call("GET", path + "/timeline"), 5 * second);
  return {
    title: id,
    feeds: [why, steps],
    draw() {
      return html`<p class="up"><a href="#/jobs">Jobs</a></p>
        <${Held} feed=${why} what="The explanation">${(data) => html`
          <p><${Mark} of=${data.state}/></p>
          <h2>${data.state === "finished" || data.state === "cancelled" ? "How it stands" : "Why it waits"}</h2>
          <ol class="reasons">${data.reasons.map((r) => html`<li key=${r.code + (r.runner ?? "")}><p><b>${r.reason}</b>${r.runner && html` <a href="#/runners/${encodeURIComponent(r.runner)}">look at ${r.runner}</a>`}</p>
            <p class="remedy">${r.remedy}${r.until && html` (over <${Ago} at=${r.until}/>)`}</p></li>`)}</ol>`}<//>
        <h2>Timeline</h2>
        <${Held} feed=${steps} what="The timeline">${(data) => html`<ol class="timeline">${data.steps.map((s, i) => html`<li key=${i}>
          <${Moment} at=${s.at}/><span class="after">${i ? "+" + duration(s.at - data.steps[i - 1].at) : ""}</span>
          <span><b>${s.step.replaceAll("_", " ")}</b>${s.runner && html` by ${runnerLink(s.runner)}`}${s.attempt ? ` attempt ${s.attempt}` : ""}${s.generation ? ` generation ${s.generation}` : ""}${s.detail && html`<span class="why"> ${s.detail}</span>`}</span></li>`)}</ol>`}<//>
        <${Fresh} feed=${steps}/>`;
    },
  };
}

export function disputesView() {
  const list = new Pages("/ops/disputes", "disputes", {}, 30 * second);
  return {
    title: "Disputes",
    feeds: [list.feed],
    draw: () => html`<p class="lead">Jobs whose late result, by a runner that had been replaced, disagrees with the accepted verdict: a test, a checker or a machine is not the same each time.</p>
      ${list.draw("Disputes", (rows) => html`<${Table} caption="Disputes" rows=${rows} id=${(d) => d.submissionId} empty="No result disagrees with a verdict." columns=${[
        { title: "Job", cell: (d) => jobLink(d.submissionId) },
        { title: "Problem", num: true, cell: (d) => d.problemId },
        { title: "Verdict", cell: (d) => `${status(d.status)} ${d.score}` },
        { title: "Ended", cell: (d) => html`<${Ago} at=${d.endedAt}/>` },
        { title: "Late", wide: true, cell: (d) => d.late.map((l) => html`<div>${status(l.status)} ${l.score} by ${runnerLink(l.runner)} <${Ago} at=${l.at}/></div>`) },
      ]}/>`)}`,
  };
}

export function auditView() {
  const list = new Pages("/ops/audit", "acts", {}, 15 * second);
  return {
    title: "Audit",
    feeds: [list.feed],
    draw: () => list.draw("The audit", (rows) => html`<${Table} caption="Acts, newest first" rows=${rows} id=${(a) => `${a.at} ${a.act} ${a.target} ${a.by}`} empty="Nobody has acted yet." columns=${[
      { title: "When", cell: (a) => html`<${Moment} at=${a.at}/>` },
      { title: "By", cell: (a) => a.by },
      { title: "Act", cell: (a) => a.act },
      { title: "On", cell: (a) => a.target },
      { title: "Why", wide: true, cell: (a) => a.why },
    ]}/>`),
  };
}

export function rejudgesView() {
  const list = new Pages("/ops/rejudges", "rejudges", {}, 5 * second);
  const begin = () => ({
    title: "Rejudge a problem",
    text: "All its jobs that have a verdict are judged again, at a bounded rate, as the next generation.",
    button: "Rejudge", danger: true,
    field: { title: "Number of the problem", pattern: "[0-9]+", mode: "numeric" },
    send: async (why, _, id) => `Rejudge ${(await call("POST", "/ops/rejudges", { problemId: Number(id), why })).id}: begun.`,
  });
  const stop = (r) => ({
    title: `Stop rejudge ${r.id}`, text: "What has been rejudged stays so; the rest is left as it is.", button: "Stop", danger: true,
    send: async (why) => { await call("POST", `/ops/rejudges/${encodeURIComponent(r.id)}/stop`, { why }); return `Rejudge ${r.id}: stopped.`; },
  });
  return {
    title: "Rejudges",
    acts: true,
    feeds: [list.feed],
    draw: () => html`<div class="bar"><p></p><div class="buttons"><${Act} act=${begin}>Rejudge a problem…<//></div></div>
      ${list.draw("Rejudges", (rows) => html`<${Table} caption="Rejudges of many, newest first" rows=${rows} id=${(r) => r.id} empty="Nothing has been rejudged by filter." columns=${[
        { title: "Rejudge", cell: (r) => html`<span class="id">${r.id}</span>` },
        { title: "State", cell: (r) => html`<${Mark} of=${r.state}/>` },
        { title: "Of", cell: (r) => Object.entries(r.filter).filter(([, v]) => v != null).map(([k, v]) => k === "status" ? `status ${status(v)}` : `${k} ${v}`).join(", ") },
        { title: "Done", cell: (r) => html`<progress max=${Math.max(1, r.matched)} value=${r.rejudged + r.skipped + r.failed} aria-label="Progress of ${r.id}"></progress> ${number(r.rejudged)} of ${number(r.matched)}${r.skipped ? `, ${number(r.skipped)} skipped` : ""}${r.failed ? `, ${number(r.failed)} failed` : ""}` },
        { title: "Begun", cell: (r) => html`<${Ago} at=${r.startedAt}/> by ${r.by}` },
        { title: "Ended", cell: (r) => html`<${Ago} at=${r.endedAt}/>` },
        { title: "Why", wide: true, cell: (r) => r.why },
        { act: true, title: "Acts", cell: (r) => r.state === "running" && html`<${Act} danger act=${() => stop(r)}>Stop…<//>` },
      ]}/>`)}`,
  };
}
