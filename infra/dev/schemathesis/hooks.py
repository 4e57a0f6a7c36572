"""Hooks of schemathesis: requests that get somewhere, and what no reply may hold.

Generated ids never name anything, and generated tokens are refused at the door.
So half of the requests get ids of jobs and problems that exist, and claim
tokens that earlier replies have given out. And because to make a request up takes
twenty times as long as to send it, each is sent again with other ids, names,
tokens and damages, and those replies are checked as well. At the end, the number of requests by
status is appended to the file that RUNLEASE_COUNTS names.
"""

import atexit
import collections
import os
import random
import re

import requests
import schemathesis
from schemathesis import checks

RANDOM = random.Random(int(os.environ["RUNLEASE_SEED"]))
RUNNER = os.environ["RUNLEASE_RUNNER_TOKEN"]
PRODUCER = os.environ["RUNLEASE_PRODUCER_TOKEN"]
JOBS = [f"s{n}" for n in range(24)]  # as many as run.py makes
PROBLEMS = [1, 2, 3]  # the first is published before the run
CLAIMED = {}  # claim tokens by job

MORE = int(os.environ["RUNLEASE_MORE"])  # variants of each request

counts = collections.Counter()
session = requests.Session()

# What only an internal text says: Go's own errors and panics, file names, AWS.
INTERNALS = re.compile(
    r"goroutine|panic|runtime error|runtime/debug|\.go\b|nil pointer|json: |strconv\.|invalid character|"
    r"unmarshal|unexpected EOF|shared/|dynamodb|sqs\.|AccessDenied|Exception|arn:aws|/root/|/home/|rlr_|rlp_",
    re.IGNORECASE,
)


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """Sends half of the requests to something that exists, with its token."""
    if RANDOM.random() < 0.5:
        return
    job = RANDOM.choice(JOBS)
    if case.path_parameters and "id" in case.path_parameters:
        of_problem = case.operation.path.startswith("/problems/")
        case.path_parameters["id"] = RANDOM.choice(PROBLEMS) if of_problem else job
    body = case.body
    if not isinstance(body, dict):
        return
    if isinstance(body.get("submissionId"), str):
        new = case.operation.path == "/jobs" and RANDOM.random() < 0.5
        body["submissionId"] = f"n{RANDOM.randrange(1 << 30)}" if new else job
    if isinstance(body.get("problemId"), int):
        body["problemId"] = RANDOM.choice(PROBLEMS)
    if isinstance(body.get("ids"), list) and len(body["ids"]) < 90:
        body["ids"] = body["ids"] + RANDOM.sample(JOBS, 3)
    if isinstance(body.get("token"), str) and job in CLAIMED:
        body["token"] = CLAIMED[job]
    if isinstance(body.get("generation"), int):
        body["generation"] = RANDOM.randrange(4)
    for name in ("active", "done"):
        if isinstance(body.get(name), list):
            for item in body[name]:
                name_one(item)


def name_one(item):
    """Gives an item of a sync a job that was claimed, and its token."""
    if isinstance(item, dict) and CLAIMED:
        item["submissionId"], item["token"] = RANDOM.choice(list(CLAIMED.items()))


@schemathesis.hook
def after_call(ctx, case, response):
    """Counts, and keeps claim tokens for later requests."""
    counts[response.status_code] += 1
    remember(case, response)


def remember(case, response):
    """Keeps the claim tokens of a reply."""
    if response.status_code != 200 or not case.operation.path.startswith("/runner/"):
        return
    try:
        data = response.json().get("data") or {}
    except ValueError:
        return
    for claim in [data, *(data.get("jobs") or [])]:
        if isinstance(claim, dict) and "token" in claim:
            CLAIMED[claim["submissionId"]] = claim["token"]


def variant(original):
    """A copy of a request that differs in one or more ways."""
    request = original.copy()
    if RANDOM.random() < 0.6:
        kind, ids = ("problems", PROBLEMS) if "/problems/" in request.url else ("jobs", JOBS)
        request.url = re.sub(
            rf"/{kind}/(?!query)[^/?]*", f"/{kind}/{RANDOM.choice(ids)}", request.url, count=1
        )
    if RANDOM.random() < 0.3:
        request.headers["X-Runner-Name"] = f"runner-{RANDOM.randrange(3)}"
    if CLAIMED and RANDOM.random() < 0.3:
        request.headers["X-Claim-Token"] = RANDOM.choice(list(CLAIMED.values()))
    body = request.body
    if not body:
        return request
    if isinstance(body, str):
        body = body.encode()
    if CLAIMED and RANDOM.random() < 0.5:
        of = re.search(r"/jobs/([^/?]*)", request.url)
        token = CLAIMED.get(of.group(1) if of else "") or RANDOM.choice(list(CLAIMED.values()))
        body = re.sub(rb'"token": ?"[^"]*"', b'"token": "' + token.encode() + b'"', body)
    if RANDOM.random() < 0.4:
        at = RANDOM.randrange(len(body))
        piece = RANDOM.choice([b"", b"null", b"-1", b'"', b"{", b"]", b"1e400", b"\\ud800", b"\xff", b"[" * 2000])
        body = body[:at] + piece + body[at + RANDOM.randrange(6) :]
    request.body = body
    request.headers["Content-Length"] = str(len(body))
    return request


ALL = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@schemathesis.check
def again(ctx, response, case):
    """The same request in other circumstances is answered by the rules too."""
    for _ in range(MORE):
        reply = session.send(variant(response.request), allow_redirects=False, timeout=20)
        counts[reply.status_code] += 1
        if reply.status_code == 404 and reply.json()["code"] == "unknown_route":
            continue  # an id that was generated was no segment of a path
        remember(case, reply)
        case.validate_response(reply, checks=ALL)
        nothing_internal(ctx, reply, case)


@schemathesis.check
def nothing_internal(ctx, response, case):
    """No reply tells what is behind the API, nor a token of the caller's."""
    text = response.text
    for ours in list(JOBS) + ["https://", "http://"]:
        text = text.replace(ours, "")
    found = INTERNALS.search(text)
    if found and found.group(0) not in ("rlr_", "rlp_"):
        # A group or an id that the caller chose may hold a word like these.
        found = INTERNALS.search(re.sub(r'"(group|submissionId|missing)":("[^"]*"|\[[^\]]*\])', "", text))
    assert not found, f"the reply says {found.group(0)!r}"
    assert RUNNER not in response.text and PRODUCER not in response.text, "the reply holds a token"


@atexit.register
def report():
    """Leaves the counts to the program that started this."""
    with open(os.environ["RUNLEASE_COUNTS"], "a", encoding="ascii") as out:
        for status, number in counts.items():
            out.write(f"{status} {number}\n")
