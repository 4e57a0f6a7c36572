// Runs two jobs as producer and as runner through the types that
// openapi-typescript has generated: one by list, claim and complete, one by
// sync. run.py says where the server is, by environment.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { env: Record<string, string> };

function assert(holds: boolean, what: unknown): asserts holds {
  if (!holds) throw new Error(JSON.stringify(what));
}

const { URL: baseUrl, PRODUCER, RUNNER, CODE } = process.env;
const producer = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${PRODUCER}` } });
const runner = createClient<paths>({ baseUrl, headers: { "X-Runner-Token": RUNNER, "X-Runner-Name": "generated-typescript" } });
const problem = { path: { id: 13 } };

const task: components["schemas"]["Task"] = { taskScore: 100, caseCount: 1, memoryLimit: 65536, timeLimit: 1000 };
const put = await producer.PUT("/problems/{id}", { params: problem, body: { tasks: [task] } });
assert(put.data?.data.problemId === 13 && put.data.data.draft?.tasks[0].taskScore === 100, put);
const published = await producer.POST("/problems/{id}/publish", { params: problem });
assert(published.data?.data.version === 1, published);
for (const submissionId of ["ts-compat", "ts-sync"]) {
  const created = await producer.POST("/jobs", { body: { submissionId, problemId: 13, language: 2, code: CODE } });
  assert(created.data?.data.state === "queued", created);
}

const tasks: components["schemas"]["Result"]["tasks"] = [
  [{ exitCode: 0, status: "AC", stdout: "3\n", stderr: "", execTime: 12, memoryUsage: 4096 }],
];
const listed = await runner.GET("/runner/jobs", { params: { query: { limit: 1 } } });
assert(listed.data?.data.jobs.length === 1, listed);
const params = { path: { id: listed.data.data.jobs[0].submissionId } };
const claimed = await runner.POST("/runner/jobs/{id}/claim", { params, body: {} });
assert(claimed.data?.data.meta.tasks[0].taskScore === 100, claimed);
const completed = await runner.PUT("/runner/jobs/{id}/complete", { params, body: { token: claimed.data.data.token, tasks } });
assert(completed.data?.status === "ok", completed);
const refused = await runner.POST("/runner/jobs/{id}/claim", { params, body: {} });
assert(refused.error?.code === "not_pending", refused);

async function sync(body: components["schemas"]["SyncRequest"]) {
  const { data, error } = await runner.POST("/runner/sync", { body });
  assert(data !== undefined, error);
  return data.data;
}
const { jobs } = await sync({ slots: 1, leaseSeconds: 60 });
assert(jobs.length === 1, jobs);
const { submissionId, token } = jobs[0];
const kept = await sync({ slots: 0, active: [{ submissionId, token }] });
assert(kept.active[0].action === "continue", kept);
const reported = await sync({ slots: 0, done: [{ submissionId, token, tasks }] });
assert(reported.done[0].code === "ok", reported);

for (const id of ["ts-compat", "ts-sync"]) {
  const read = await producer.GET("/jobs/{id}", { params: { path: { id } } });
  const job = read.data?.data;
  assert(job?.state === "finished" && job.score === 100 && job.tasks?.[0].cases[0].execTime === 12, read);
}
