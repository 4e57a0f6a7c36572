// Calls of the API, the token, and what is known of the connection.
//
// The token is kept in sessionStorage, which ends with the tab, and it is sent in the
// Authorization header only.

const base = new URL("../", import.meta.url); // behind a REST API it has the stage
const stored = "runlease.token";
const patience = 15_000; // ms that a call may take

export const token = {
  get: () => sessionStorage.getItem(stored) ?? "",
  set: (text) => sessionStorage.setItem(stored, text),
  forget: () => sessionStorage.removeItem(stored),
};

// clock.ahead is by how many ms the server's clock is ahead of this machine's: what is
// "12 s ago" is reckoned by the server's.
export const clock = { ahead: 0, now: () => Date.now() + clock.ahead };

function compare(date) {
  const ahead = Date.parse(date) + 500 - Date.now(); // it has whole seconds
  if (Math.abs(ahead - clock.ahead) > 2000) clock.ahead = Math.abs(ahead) > 2000 ? ahead : 0;
}

// Refusal is an answer of the server that is not 2xx: a client's fault, or "not here".
export class Refusal extends Error {
  constructor(status, body) {
    super(body?.message || `the server answered ${status}`);
    this.status = status;
    this.code = body?.code ?? "";
  }
  // An older server does not have the route.
  get notOffered() { return this.status === 404 && this.code === "unknown_route" || this.status === 405; }
  get lacksScope() { return this.status === 403 && this.code === "missing_scope"; }
}

// Away means that the server did not answer, or that something behind it failed.
export class Away extends Error {
  constructor(text, after = 0) {
    super(text);
    this.after = after; // seconds that it asks to be left alone
  }
}

// query writes what is set of an object as a query.
export function query(values) {
  const set = Object.entries(values).filter(([, value]) => value !== "" && value != null);
  return set.length ? "?" + new URLSearchParams(set) : "";
}

// call makes a request and returns the data of the reply.
export async function call(method, path, body) {
  const headers = { Authorization: "Bearer " + token.get(), Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let reply, text;
  try {
    reply = await fetch(new URL(path.replace(/^\//, ""), base), {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(patience),
    });
    text = await reply.text();
  } catch (e) {
    throw new Away(e.name === "TimeoutError" ? `The server did not answer within ${patience / 1000} s.` : "The server cannot be reached.");
  }
  compare(reply.headers.get("Date"));
  let envelope = null;
  try { envelope = JSON.parse(text); } catch { /* a proxy may answer in HTML */ }
  if (reply.status === 429) throw new Away("The server was asked too often: " + (envelope?.message ?? "too many requests") + ".", Number(reply.headers.get("Retry-After")) || 1);
  if (reply.status >= 500) {
    const id = reply.headers.get("X-Request-Id");
    throw new Away(`The server answered ${reply.status}: ${envelope?.message ?? reply.statusText}${id ? ` (request ${id})` : ""}.`);
  }
  if (!reply.ok) throw new Refusal(reply.status, envelope);
  if (!envelope || typeof envelope.data !== "object") throw new Away("What answered is not runlease: the reply is not its JSON.");
  return envelope.data;
}

// link is whether the server answers: shared by all feeds, so that one of them asks
// again, later each time, and all follow once it is back.
export const link = { error: "", since: 0, tries: 0, at: 0, changed: () => {} };

const longest = 30_000; // ms between two tries

function lost(away) {
  link.error = away.message;
  link.since ||= Date.now();
  link.tries++;
  const pause = Math.max(Math.min(longest, 1000 * 2 ** (link.tries - 1)), away.after * 1000);
  link.at = Date.now() + pause * (0.75 + Math.random() / 2); // pages do not come back all at once
}

function back() {
  if (!link.error) return;
  Object.assign(link, { error: "", since: 0, tries: 0, at: 0 });
  for (const feed of feeds) feed.due = 0;
}

const feeds = new Set();

// Feed is data that is shown, and asked for again and again. What was read stays on
// the page while the server is away.
export class Feed {
  constructor(load, every, then = () => {}) {
    Object.assign(this, { load, every, then, data: null, at: 0, refusal: null, pending: null, due: 0 });
  }
  start() { feeds.add(this); this.refresh(); }
  stop() { feeds.delete(this); }
  refresh() {
    if (this.pending) { this.again = true; return this.pending; }
    this.again = false;
    this.pending = this.#read().finally(() => {
      this.pending = null;
      if (this.again && feeds.has(this)) this.refresh();
    });
    return this.pending;
  }
  async #read() {
    const asked = token.get();
    try {
      const data = await this.load();
      back();
      if (token.get() !== asked) return; // what a session asked for is not the next one's
      Object.assign(this, { data, at: Date.now(), refusal: null });
      this.then(data);
    } catch (e) {
      if (e instanceof Refusal) {
        back();
        if (token.get() !== asked) return;
        this.refusal = e;
      } else if (e instanceof Away) {
        lost(e);
      } else throw e;
    }
    // What is not here, or not for this token, is not asked for every few seconds.
    this.due = Date.now() + (this.refusal ? Math.max(this.every, 60_000) : this.every);
    link.changed();
  }
}

// pace multiplies how long feeds wait; 0 stops them.
export const pace = { factor: 1 };

// tick asks for what is due. While the server is away, one feed tries.
export function tick(now = Date.now()) {
  if (document.hidden || !token.get()) return;
  if (link.error) {
    if (now >= link.at && ![...feeds].some((f) => f.pending)) retry();
    return;
  }
  if (!pace.factor) return;
  for (const feed of feeds) {
    const wait = (pace.factor - 1) * feed.every;
    if (feed.every && !feed.pending && now >= feed.due + (feed.due ? wait : 0)) feed.refresh();
  }
}

export function retry() {
  link.at = Infinity;
  for (const feed of feeds) { feed.refresh(); break; }
}

export function refreshAll() { for (const feed of feeds) feed.refresh(); }

// everyPage reads a list to its end, or to a bound; next tells that there is more.
export async function everyPage(path, field, most, values = {}) {
  const list = [];
  let after = "";
  do {
    const page = await call("GET", path + query({ ...values, after, limit: 100 }));
    list.push(...page[field]);
    after = page.next ?? "";
  } while (after && list.length < most);
  return { [field]: list, next: after || null };
}
