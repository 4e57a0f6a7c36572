// Acts: each asks for a reason in a dialog, and tells what became of it.
import { Component, createRef } from "./dom.js";
import { Away, call, refreshAll } from "./server.js";
import { html, page, plural } from "./parts.js";

const longest = 200; // characters of a reason

// acting is the act that is asked about; null: none.
export const acting = { now: null };

// ask opens the dialog. act: {title, text, button, danger, choices, field, send}.
// send gets the reason, the choice and the field's text, and returns the outcome in words.
export function ask(act) {
  acting.now = act;
  page.draw();
}

export class Dialog extends Component {
  dialog = createRef();
  state = { sending: false, refused: "", why: "", choice: null, extra: "" };
  componentDidMount() { this.dialog.current.showModal(); }
  close = () => { this.dialog.current?.close(); };
  // The browser gives the focus back to what opened the dialog before this is called. The
  // next act may be asked about before, too: its dialog is another one (by key in app.js).
  closed = () => { if (acting.now === this.props.act) acting.now = null; page.draw(); };
  send = async (event) => {
    event.preventDefault();
    const { act } = this.props, { choice, extra } = this.state, why = this.state.why.trim();
    if (this.state.sending) return;
    if (!why) return this.setState({ refused: "Write a reason: it is kept with the act for a year." });
    this.setState({ sending: true, refused: "" });
    try {
      const outcome = await act.send(why, choice ?? act.choices?.[0].value, extra.trim());
      page.tell(outcome);
      this.close();
      refreshAll();
    } catch (e) {
      const lost = e instanceof Away ? " It may have been done all the same: look at the audit before you repeat it." : "";
      const refused = e.notOffered ? "This server does not offer it: it is of a version before this page's." : e.message + lost;
      if (!this.dialog.current?.open) page.tell(`${act.title}: ${refused}`); // a second Escape closes it all the same
      this.setState({ sending: false, refused });
      if (lost) refreshAll();
    }
  };
  render({ act }, { sending, refused, why, choice, extra }) {
    const chosen = act.choices?.find((c) => c.value === (choice ?? act.choices[0].value));
    return html`<dialog ref=${this.dialog} onClose=${this.closed} onCancel=${(e) => sending && e.preventDefault()} aria-labelledby="act-title" aria-describedby="act-text">
      <form onSubmit=${this.send}>
        <h2 id="act-title">${act.title}</h2>
        <p id="act-text">${act.text}</p>
        ${act.choices && html`<fieldset><legend>What to do</legend>${act.choices.map((c, i) => html`<label class="choice">
          <input type="radio" name="choice" value=${c.value} checked=${c === chosen} onChange=${() => this.setState({ choice: c.value })}/>
          <span><b>${c.title}</b> ${c.text}</span></label>`)}</fieldset>`}
        ${act.field && html`<label class="field">${act.field.title}<input name="extra" value=${extra} required pattern=${act.field.pattern} inputmode=${act.field.mode} onInput=${(e) => this.setState({ extra: e.target.value })}/></label>`}
        <label class="field">Reason<input name="why" maxlength=${longest} required autocomplete="off" value=${why} onInput=${(e) => this.setState({ why: e.target.value })}/>
          <small>Kept in the audit for a year, with the name of your token. ${plural(longest - why.length, "character")} left.</small></label>
        <p role="alert" class="refused">${refused}</p>
        <div class="buttons"><button type="button" onClick=${this.close} disabled=${sending}>Cancel</button>
          <button type="submit" class=${act.danger || chosen?.danger ? "danger" : "main"} disabled=${sending}>${sending ? "Sending…" : chosen?.title ?? act.button}</button></div>
      </form></dialog>`;
  }
}

// Act is a button that asks. It is there only for a token that may act.
export const Act = ({ act, children, danger }) => page.mayAct === true && html`<button class=${danger ? "danger" : ""} onClick=${() => ask(act())}>${children}</button>`;

const inForce = "It is in force within 60 s.";

// pausing is the act that pauses or resumes everything, a pool or a problem.
export function pausing(what, body, resume) {
  const name = what[0].toUpperCase() + what.slice(1);
  return {
    title: `${resume ? "Resume" : "Pause"} ${what}`,
    text: resume ? `Jobs that waited are claimed again, the oldest first. ${inForce}` : `Jobs that run end as usual. Nothing new of it is claimed until it is resumed; jobs can be handed in meanwhile. ${inForce}`,
    button: resume ? "Resume" : "Pause",
    danger: !resume && !Object.keys(body).length,
    send: async (why) => {
      const { paused } = await call("POST", resume ? "/ops/resume" : "/ops/pause", { ...body, why });
      return paused ? `${name}: paused by ${paused.by}. ${inForce}` : `${name}: resumed. ${inForce}`;
    },
  };
}

export const pauseProblem = () => ({
  title: "Pause a problem",
  text: "Its submissions wait until it is resumed; everything else goes on. " + inForce,
  button: "Pause",
  field: { title: "Number of the problem", pattern: "[0-9]+", mode: "numeric" },
  send: async (why, _, id) => {
    await call("POST", "/ops/pause", { problemId: Number(id), why });
    return `Problem ${id}: paused. ${inForce}`;
  },
});

const runnerActs = {
  pause: ["Pause", "It finishes what it holds, and gets nothing new until it is resumed."],
  resume: ["Resume", "It gets jobs again."],
  drain: ["Drain", "It finishes what it holds and takes nothing more: before its machine is changed."],
  retire: ["Retire", "For ever: asks whether its machine may be terminated. Ask again while it still holds jobs."],
  quarantine: ["Quarantine", "It is suspected of failing jobs: nothing new until it is released. What it still reports counts."],
  release: ["Release", "It gets jobs again: ends a quarantine, or draining."],
};

// from lists what may be done with a runner in a state and changes it, or asks again;
// the server decides, and a test compares the two.
const from = {
  "ok": ["pause", "drain", "quarantine", "retire"],
  "paused": ["resume", "drain", "quarantine", "retire"],
  "draining": ["release", "quarantine", "retire"],
  "quarantined": ["release", "drain", "retire"],
  "retired": ["retire"]
};

export function steer(runners) {
  const one = runners.length === 1 ? runners[0] : null;
  const may = one ? from[one.state] ?? Object.keys(runnerActs) : Object.keys(runnerActs);
  return {
    title: one ? `Steer ${one.name}` : `Steer ${runners.length} runners`,
    text: (one ? `It is ${one.state} now. ` : "One after the other; each that refuses is named. ") + "What you choose is in force within 60 s.",
    choices: may.map((value) => ({ value, title: runnerActs[value][0], text: runnerActs[value][1], danger: value === "retire" || value === "quarantine" })),
    send: async (why, act) => {
      const done = [], refused = [];
      for (const r of runners) {
        try {
          done.push(told(act, await call("POST", "/ops/runners/" + encodeURIComponent(r.name), { act, why })));
        } catch (e) {
          if (one || e instanceof Away) throw e;
          refused.push(`${r.name}: ${e.message}`);
        }
      }
      if (one) return done[0];
      return `${runnerActs[act][0]}: ${plural(done.length, "runner")} done. ${refused.length ? `${refused.length} refused: ${refused.slice(0, 5).join("; ")}` : ""}`;
    },
  };
}

// told is the outcome of an act on a runner.
function told(act, { runner, retired, holds, more }) {
  const held = holds?.length ? ` It still holds ${holds.slice(0, 5).join(", ")}${holds.length > 5 || more ? " and others" : ""}.` : "";
  if (act === "retire") {
    return retired ? `${runner.name}: retired. Its machine may be terminated.` : `${runner.name}: ${runner.state}, not retired yet. Ask again.${held || " A function may remember its older state for some 80 s."}`;
  }
  return `${runner.name}: ${runner.state}.${held} ${inForce}`;
}
