#!/usr/bin/env python3
"""Runs schemathesis against the embedded server, by openapi.yaml.

    infra/dev/schemathesis/run.py [--requests N] [--seconds S] [--seed N]

It installs the pinned requirements into build/schemathesis, builds and starts
the server on 127.0.0.1, and repeats runs with new seeds until N requests were
answered or S seconds are over; at the end of the time N need not be reached
only if N was not given. The exit code is 1 if a reply was a 5xx, was not what
openapi.yaml says or told something internal, if the server needed more memory
than MOST_KB at any time, if it logged an error, or if it ended.
"""

import argparse
import base64
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
VENV = ROOT / "build" / "schemathesis"
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "nothing_internal",
    "again",
]
# Everything that the server keeps is in its memory: the jobs that the run makes,
# with at most 256 KB of code each, are most of it.
MOST_KB = 512 << 10
ZIP = base64.b64encode(b"PK these bytes stand for a zip").decode()


def install():
    """Makes the virtual environment unless it has the pinned versions."""
    wanted = (HERE / "requirements.txt").read_bytes()
    stamp = VENV / "requirements.txt"
    if stamp.exists() and stamp.read_bytes() == wanted:
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    subprocess.run([VENV / "bin" / "pip", "install", "-q", "--disable-pip-version-check", "-r", HERE / "requirements.txt"], check=True)
    stamp.write_bytes(wanted)


class Server:
    """The embedded server, as a separate process."""

    def __init__(self, log):
        program = ROOT / "build" / "local"
        subprocess.run(["go", "build", "-o", program, "./infra/local"], check=True, cwd=ROOT)
        self.log = log
        self.process = subprocess.Popen([program, "-lease", "30s"], stdout=subprocess.PIPE, stderr=log)
        hello = json.loads(self.process.stdout.readline())
        self.url, self.runner, self.producer = hello["url"], hello["runnerToken"], hello["producerToken"]

    def ask(self, method, path, body=None):
        """Makes a request that prepares the run."""
        request = urllib.request.Request(self.url + path, method=method, data=json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", "Bearer " + self.producer)
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)

    def prepare(self):
        """Publishes a problem and hands in the jobs that hooks.py names."""
        task = {"taskScore": 100, "caseCount": 1, "memoryLimit": 65536, "timeLimit": 1000}
        self.ask("PUT", "/problems/1", {"tasks": [task]})
        self.ask("POST", "/problems/1/publish")
        for n in range(24):
            self.ask("POST", "/jobs", {"submissionId": f"s{n}", "problemId": 1, "language": n % 3, "code": ZIP})

    def most_kb(self):
        """The most memory that the server had resident at any time, in KB."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
        raise RuntimeError("no VmHWM")

    def stop(self):
        """Ends the server; its exit code."""
        self.process.terminate()
        return self.process.wait(20)


def counted(path):
    """Sums the counts that hooks.py has left."""
    counts = collections.Counter()
    for line in path.read_text(encoding="ascii").splitlines():
        status, number = line.split()
        counts[int(status)] += int(number)
    return counts


def main():
    """Runs it all; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=100_000, help="the least number of requests")
    parser.add_argument("--seconds", type=int, default=0, help="for about so long, however many requests that makes")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    install()

    work = pathlib.Path(tempfile.mkdtemp(prefix="schemathesis-", dir=ROOT / "build"))
    counts, log = work / "counts", work / "server.log"
    counts.touch()
    faults = []
    began = time.monotonic()
    with log.open("wb") as log_file:
        server = Server(log_file)
        server.prepare()
        seed = args.seed
        while True:
            left = args.seconds - (time.monotonic() - began) if args.seconds else 600
            environment = dict(
                os.environ,
                PYTHONPATH=str(HERE),
                SCHEMATHESIS_HOOKS="hooks",
                RUNLEASE_SEED=str(seed),
                RUNLEASE_RUNNER_TOKEN=server.runner,
                RUNLEASE_PRODUCER_TOKEN=server.producer,
                RUNLEASE_COUNTS=str(counts),
                RUNLEASE_MORE="9",
                PYTHONDONTWRITEBYTECODE="1",
            )
            ended = subprocess.run(
                [
                    VENV / "bin" / "st", "run", ROOT / "shared" / "api" / "openapi.yaml", "--url", server.url,
                    "--phases", "coverage,fuzzing" if seed == args.seed else "fuzzing",
                    "--checks", ",".join(CHECKS), "--mode", "all", "--seed", str(seed),
                    "--max-examples", "100000" if args.seconds else "150",
                    *(["--max-time", str(max(5, int(left)))] if args.seconds else []),
                    "--max-redirects", "0", "--continue-on-failure", "--no-shrink", "--warnings", "off",
                    "--suppress-health-check", "all", "--generation-database", "none",
                    "-H", "X-Runner-Token: " + server.runner, "-H", f"X-Runner-Name: runner-{seed % 3}",
                    "-H", "Authorization: Bearer " + server.producer,
                ],
                env=environment, cwd=work, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
            total = sum(counted(counts).values())
            print(f"seed {seed}: {total} requests so far, {time.monotonic() - began:.0f} s", flush=True)
            if ended.returncode != 0:
                faults.append(f"seed {seed}: schemathesis found something")
                print(ended.stdout, flush=True)
            seed += 1
            over = time.monotonic() - began >= args.seconds if args.seconds else total >= args.requests
            if faults or over or server.process.poll() is not None:
                break
        most = 0
        if server.process.poll() is None:
            most = server.most_kb()
            if code := server.stop():
                faults.append(f"the server ended with {code}")
        else:
            faults.append("the server ended by itself")
    by_status = counted(counts)
    errors = [line for line in log.read_text(encoding="utf-8").splitlines() if '"level":"ERROR"' in line]
    if errors:
        faults.append(f"the server logged {len(errors)} errors, the first: {errors[0]}")
    if most > MOST_KB:
        faults.append(f"the server needed {most} KB, more than {MOST_KB}")
    served = {status: number for status, number in sorted(by_status.items())}
    if any(status >= 500 for status in served):
        faults.append("there was a 5xx")
    if not {200, 201, 302, 400, 403, 404, 409} <= served.keys():
        faults.append("the requests did not get far enough to show anything")
    for fault in faults:
        print("FAULT:", fault)
    print(f"requests {sum(served.values())} by status {served} memory {most} KB seconds {time.monotonic() - began:.0f} faults {len(faults)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
