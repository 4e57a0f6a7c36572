"""What functions, and those who call them, may rely on. Run with the Python that LocalStack is installed in:

build/localstack/venv/bin/python infra/dev/emulators/process_executor/process_executor_test.py

It builds infra/dev/invoke/environment, which plays the Runtime API, with Go.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from types import SimpleNamespace

from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException

from process_executor import ProcessRuntimeExecutor

MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100  # Lambda's cap on a synchronous response, with its own allowance
PROJECT = Path(__file__).resolve().parents[4]


def setUpModule():
    folder = unittest.enterModuleContext(tempfile.TemporaryDirectory())
    os.environ["PROCESS_EXECUTOR"] = f"{folder}/environment"
    subprocess.run(["go", "build", "-o", f"{folder}/environment", "./infra/dev/invoke/environment"], cwd=PROJECT, check=True)


def gone(pid):
    """Returns when the process has ended, and has been seen to end."""
    deadline = time.monotonic() + 8
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"{pid} does not end"
        time.sleep(0.005)


# A function that does what its event says, over the real Runtime API.
BOOTSTRAP = """
import json, os, signal, socket, sys, time, urllib.request
if os.environ.get("EXIT_AT_START"):
    print("no TABLE in the environment", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, lambda *_: (print("told to end", flush=True), sys.exit()))
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/"
calls = 0
while True:
    with urllib.request.urlopen(api + "invocation/next") as r:
        request_id, event = r.headers["Lambda-Runtime-Aws-Request-Id"], json.load(r)
        left = int(r.headers["Lambda-Runtime-Deadline-Ms"]) / 1000 - time.time()
    calls += 1
    print(event.get("say", "nothing to say"), flush=True)
    time.sleep(event.get("sleep", 0))
    if "half" in event:
        host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
        connection = socket.create_connection((host, int(port)))
        connection.sendall(f"POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1\\r\\nHost: x\\r\\n{event['half']}".encode())
        os.kill(os.getpid(), 9)
    if "exit" in event:
        os._exit(event["exit"])
    answer = {"pid": os.getpid(), "calls": calls, "left": left, "env": dict(os.environ), "fill": "x" * event.get("fill", 0)}
    path = "/error" if event.get("fail") else "/response"
    try:
        urllib.request.urlopen(urllib.request.Request(api + "invocation/" + request_id + path, json.dumps(answer).encode()))
    except urllib.error.HTTPError as e:
        print("refused", e.code, flush=True)
"""


class ProcessExecutorTest(unittest.TestCase):
    def setUp(self):
        self.dir = Path(self.enterContext(tempfile.TemporaryDirectory()))
        os.environ["PROCESS_EXECUTOR_LOGS"] = str(self.dir)
        (self.dir / "bootstrap.py").write_text(BOOTSTRAP)
        self.bootstrap = self.dir / "bootstrap"
        self.bootstrap.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{self.dir}/bootstrap.py"\n')
        self.bootstrap.chmod(0o755)
        self.serial = 0

    def environment(self, timeout=20, **env):
        version = SimpleNamespace(
            id=SimpleNamespace(function_name="claim-job", qualifier="$LATEST"),
            config=SimpleNamespace(
                timeout=timeout,
                memory_size=256,
                code=SimpleNamespace(get_unzipped_code_location=lambda: self.dir),
            ),
        )
        executor = ProcessRuntimeExecutor("environment", version)
        self.addCleanup(executor.stop)
        executor.start({"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": 256, **env})
        return executor

    def invoke(self, executor, **event):
        self.serial += 1
        result = executor.invoke({"invoke-id": f"r{self.serial}", "payload": json.dumps(event), "invoked-function-arn": "arn"})
        return SimpleNamespace(body=json.loads(result.payload), is_error=result.is_error, logs=result.logs)

    def test_one_process_serves_many_invocations(self):
        executor = self.environment()
        first, second = self.invoke(executor), self.invoke(executor)
        self.assertEqual((first.body["pid"], 1, 2), (second.body["pid"], first.body["calls"], second.body["calls"]))
        self.assertFalse(first.is_error)
        self.assertTrue(19 < first.body["left"] <= 20, first.body["left"])

    def test_environment_is_lambdas_and_not_the_shells(self):
        os.environ["SECRET_OF_THE_SHELL"] = "x"
        env = self.invoke(self.environment(AWS_LAMBDA_LOG_LEVEL="Debug", TABLE="jobs")).body["env"]
        self.assertEqual(("http://127.0.0.1:4566", "256", "DEBUG", "jobs"), tuple(env[k] for k in ("AWS_ENDPOINT_URL", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_LOG_LEVEL", "TABLE")))
        self.assertNotIn("SECRET_OF_THE_SHELL", env)

    def test_warm_invocation_does_not_wait_for_a_delayed_ack(self):
        executor = self.environment()
        self.invoke(executor)
        took = []
        for _ in range(20):
            began = time.monotonic()
            self.invoke(executor)
            took.append(time.monotonic() - began)
        self.assertLess(min(took), 0.03)  # the least: the machine may be busy, a delayed ACK is in every one

    def test_a_reported_error_is_an_error(self):
        self.assertTrue(self.invoke(self.environment(), fail=True).is_error)

    def test_killed_in_the_middle(self):
        executor = self.environment()
        pid = self.invoke(executor).body["pid"]
        killed = []
        threading.Timer(0.3, lambda: (os.kill(pid, signal.SIGKILL), killed.append(time.monotonic()))).start()
        result = self.invoke(executor, sleep=10, say="in the middle")
        self.assertLess(time.monotonic() - killed[0], 3)
        self.assertTrue(result.is_error)
        self.assertEqual("Runtime.ExitError", result.body["errorType"])
        self.assertIn("signal: killed", result.body["errorMessage"])
        self.assertIn("in the middle", result.logs)
        after = self.invoke(executor)
        self.assertFalse(after.is_error)
        self.assertEqual(1, after.body["calls"])

    def test_killed_between_invocations_is_not_noticed_by_the_next(self):
        executor = self.environment()
        pid = self.invoke(executor).body["pid"]
        os.kill(pid, signal.SIGKILL)
        gone(pid)
        after = self.invoke(executor)
        self.assertEqual((False, 1), (after.is_error, after.body["calls"]))

    def test_killed_again_and_again(self):
        executor = self.environment()
        for round in range(8):  # at moments from long before the invocation to its end
            pid = self.invoke(executor).body["pid"]
            timer = threading.Timer(round * 0.008, os.kill, (pid, signal.SIGKILL))
            timer.start()
            began = time.monotonic()
            result = self.invoke(executor, sleep=0.03)
            self.assertLess(time.monotonic() - began, 8)
            if result.is_error:
                self.assertEqual("Runtime.ExitError", result.body["errorType"])
            timer.join()
            gone(pid)
        self.assertFalse(self.invoke(executor).is_error)

    def test_killed_in_the_middle_of_its_answer(self):
        for half in ("Content-Length: 9\r\n\r\n{\"a\"", "Transfer-Encoding: chunked\r\n\r\n9\r\n{\"a\"", "Transfer-Encoding: chunked\r\n\r\n"):
            with self.subTest(half):
                executor = self.environment()
                result = self.invoke(executor, half=half)
                self.assertEqual((True, "Runtime.ExitError"), (result.is_error, result.body["errorType"]))
                self.assertFalse(self.invoke(executor).is_error)

    def test_exit_in_the_middle(self):
        executor = self.environment()
        self.assertIn("exit status 3", self.invoke(executor, exit=3).body["errorMessage"])
        self.assertFalse(self.invoke(executor).is_error)

    def test_timeout(self):
        executor = self.environment(timeout=1)
        began = time.monotonic()
        result = self.invoke(executor, sleep=10)
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual((True, "Sandbox.Timedout"), (result.is_error, result.body["errorType"]))
        self.assertEqual(1, self.invoke(executor).body["calls"])

    def test_a_function_that_does_not_start_says_so_at_once(self):
        began = time.monotonic()
        with self.assertRaises(StatusErrorException) as raised:
            self.environment(EXIT_AT_START="1")
        self.assertLess(time.monotonic() - began, 8)
        self.assertIn("exit status 7", json.loads(raised.exception.payload)["errorMessage"])
        self.assertIn("no TABLE in the environment", self.log())

    def test_a_binary_for_another_machine(self):
        self.bootstrap.write_bytes(b"\x7fELF of another machine")
        with self.assertRaises(StatusErrorException) as raised:
            self.environment()
        self.assertIn("bootstrap does not run on linux/", json.loads(raised.exception.payload)["errorMessage"])

    def test_response_beyond_lambdas_cap(self):
        executor = self.environment()
        result = self.invoke(executor, fill=MAX_RESPONSE_BYTES)
        self.assertEqual((True, "Function.ResponseSizeTooLarge"), (result.is_error, result.body["errorType"]))
        self.assertFalse(self.invoke(executor).is_error)

    def test_logs_of_each_invocation_and_the_file(self):
        executor = self.environment()
        for word in ("one", "two", "three"):
            logs = self.invoke(executor, say=word).logs
            self.assertEqual([word], [line for line in logs.splitlines() if line in ("one", "two", "three")])
        self.assertEqual("one\ntwo\nthree\n", self.log())

    def test_stop_lets_the_invocation_under_way_finish(self):
        executor = self.environment()
        threading.Timer(0.3, executor.stop).start()
        result = self.invoke(executor, sleep=1)
        self.assertFalse(result.is_error)
        gone(result.body["pid"])
        self.assertEqual(0, executor._environment.wait(3))
        self.assertIn("told to end", self.log())

    def test_nothing_is_left_behind(self):
        def resources():
            return threading.active_count(), len(os.listdir("/dev/fd"))

        def steady():
            """What is in use once the function has asked for its next event: the same in ten looks, 50 ms apart."""
            deadline, looks = time.monotonic() + 10, []
            while time.monotonic() < deadline and not (len(looks) >= 10 and len(set(looks[-10:])) == 1):
                looks.append(resources())
                time.sleep(0.05)
            return looks[-1]

        executor = self.environment()
        self.invoke(executor)
        before = steady()
        for _ in range(5):
            self.invoke(executor, exit=1)
            self.invoke(executor)
        after = steady()
        self.assertLessEqual(after[0], before[0])
        self.assertLessEqual(after[1], before[1])

    def log(self):
        return (self.dir / "claim-job.log").read_text()


if __name__ == "__main__":
    unittest.main()
