"""Runs two jobs as producer and as runner through the client that
openapi-python-client has generated: one by list, claim and complete, one by
sync. run.py says where the server is, by environment.
"""

import os

from api.api.producer import create_job, get_job, publish_problem, put_problem
from api.api.runner import claim_job, complete_job, list_jobs, sync
from api.client import AuthenticatedClient
from api.models import (
    ActiveItem,
    CaseResult,
    CaseResultStatus,
    ClaimRequest,
    DoneItem,
    Error,
    NewJob,
    ProblemContent,
    Result,
    SyncRequest,
    Task,
)

URL, NAME = os.environ["URL"], "generated-python"
producer = AuthenticatedClient(base_url=URL, token=os.environ["PRODUCER"], raise_on_unexpected_status=True)
runner = AuthenticatedClient(
    base_url=URL, token=os.environ["RUNNER"], prefix="", auth_header_name="X-Runner-Token", raise_on_unexpected_status=True
)


def data(reply):
    """The data of a success; a refusal ends the program."""
    assert not isinstance(reply, Error) and reply is not None, reply
    return reply.data


task = Task(task_score=100, case_count=1, memory_limit=65536, time_limit=1000)
put = data(put_problem.sync(12, client=producer, body=ProblemContent(tasks=[task])))
assert put.problem_id == 12 and put.draft.tasks == [task] and put.upload is None, put
assert data(publish_problem.sync(12, client=producer)).version == 1
for name in ("python-compat", "python-sync"):
    created = data(create_job.sync(client=producer, body=NewJob(name, 12, 2, os.environ["CODE"])))
    assert created.state == "queued", created

case = CaseResult(exit_code=0, status=CaseResultStatus.AC, stdout="3\n", stderr="", exec_time=12, memory_usage=4096)
listed = data(list_jobs.sync(client=runner, limit=1, x_runner_name=NAME))
job = listed.jobs[0]
claim = data(claim_job.sync(job.submission_id, client=runner, body=ClaimRequest(), x_runner_name=NAME))
assert claim.meta.tasks[0].task_score == 100, claim
reply = complete_job.sync(claim.submission_id, client=runner, body=Result(claim.token, [[case]]), x_runner_name=NAME)
assert data(reply) is None, reply
refused = claim_job.sync(job.submission_id, client=runner, body=ClaimRequest(), x_runner_name=NAME)
assert isinstance(refused, Error) and refused.code == "not_pending", refused


def call(**fields):
    """One sync."""
    return data(sync.sync(client=runner, body=SyncRequest(**fields), x_runner_name=NAME))


got = call(slots=1, lease_seconds=60)
assert len(got.jobs) == 1, got
claim = got.jobs[0]
got = call(slots=0, active=[ActiveItem(claim.submission_id, claim.token)])
assert got.active[0].action == "continue", got
got = call(slots=0, done=[DoneItem(claim.token, [[case]], claim.submission_id)])
assert got.done[0].code == "ok", got

for name in ("python-compat", "python-sync"):
    read = data(get_job.sync(name, client=producer))
    assert (read.state, read.score, read.tasks[0].cases[0].exec_time) == ("finished", 100, 12), read
