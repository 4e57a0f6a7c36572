"""A LocalStack plugin that runs Lambda `bootstrap` binaries as plain processes of this host.

LocalStack runs functions in Docker. Where there is no Docker engine, this plugin starts a function's own `bootstrap` and
plays the Lambda Runtime API to it: one process per execution environment, kept warm between invocations, one invocation
at a time. LocalStack starts a second environment when all others are busy, just as Lambda does.

Selected by LAMBDA_RUNTIME_EXECUTOR=process. What a function writes goes to $PROCESS_EXECUTOR_LOGS/<function>.log, unchanged,
and to its CloudWatch log stream. There is no isolation of any kind: for a project's own functions only.
"""

import errno
import fcntl
import json
import logging
import os
import platform
import queue
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from localstack import config
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

LOG = logging.getLogger(__name__)

INIT_SECONDS = 10  # Lambda's own limit for the start of a function
TERM_SECONDS = 2  # between SIGTERM and SIGKILL when an idle environment is stopped
MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100  # Lambda's cap on a synchronous response, with its own allowance
MAX_UNREAD_LOG_BYTES = 1024 * 1024  # what one invocation may add to its CloudWatch stream


class FunctionError(Exception):
    """The function did not answer: it exited, ran out of time or could not start. `type` and text as Lambda words them."""

    def __init__(self, error_type, message):
        super().__init__(message)
        self.type = error_type

    def payload(self):
        return json.dumps({"errorType": self.type, "errorMessage": str(self)}).encode()


def exit_reason(code):
    return f"signal: {signal.strsignal(-code).lower()}" if code < 0 else f"exit status {code}"


class LogPipe:
    """A function's stdout and stderr: whole lines to the function's log file, and kept until an invocation takes them."""

    def __init__(self, path):
        self._read_end, self.write_end = os.pipe()
        # O_APPEND and one write per batch of whole lines: environments of one function share the file without tearing lines.
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._lock = threading.Lock()
        self._kept = b""
        self._partial = b""
        self._thread = threading.Thread(target=self._pump, daemon=True)

    def start(self):
        """Call when the child has the write end: closing ours is what ends the pump when the child ends."""
        os.close(self.write_end)
        self._thread.start()

    def discard(self):
        """Instead of start, when there is no child."""
        for fd in (self.write_end, self._read_end, self._file):
            os.close(fd)

    def _pump(self):
        while True:
            select.select([self._read_end], [], [])
            with self._lock:  # read and keep in one step, so that `take` never falls between the two
                chunk = os.read(self._read_end, 65536)
                self._kept = (self._kept + chunk)[-MAX_UNREAD_LOG_BYTES:]
                lines, newline, self._partial = (self._partial + chunk).rpartition(b"\n")
                if not chunk and self._partial:
                    lines, newline, self._partial = self._partial, b"\n", b""
                if newline:
                    os.write(self._file, lines + newline)
            if not chunk:
                with self._lock:
                    os.close(self._read_end)
                    os.close(self._file)
                    self._read_end = self._file = None
                return

    def note(self, record):
        """Adds a line of the platform's own, as JSON, as Lambda does when the log format is JSON."""
        line = json.dumps(record).encode() + b"\n"
        with self._lock:
            self._kept += line
            if self._file is not None:
                os.write(self._file, line)

    def take(self):
        """What was written since the last call. A response follows its log lines, so they are at least in the pipe: waits for them."""
        deadline = time.monotonic() + 0.2
        while time.monotonic() < deadline:
            with self._lock:
                if self._read_end is None or not self._unread():
                    break
            time.sleep(0.001)
        with self._lock:
            kept, self._kept = self._kept, b""
        return kept.decode(errors="replace")

    def _unread(self):
        return struct.unpack("i", fcntl.ioctl(self._read_end, termios.FIONREAD, b"\0\0\0\0"))[0]

    def ended(self, seconds):
        self._thread.join(seconds)


class Runtime:
    """One `bootstrap` process and the Runtime API server that feeds it. It ends with its process and is never used again."""

    def __init__(self, code, env, timeout, log_path, architecture="x86_64"):
        self.timeout = timeout
        self.logs = LogPipe(log_path)
        self._next = queue.Queue()  # invocations for GET .../invocation/next; None ends a waiting request
        self._answer = None  # (request id, Future of (body, is_error)) of the invocation under way
        self._lock = threading.Lock()
        self._started = Future()  # done when the process asks for its first invocation
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._api())
        self._server.daemon_threads = True
        env = env | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_address[1]}", "LAMBDA_TASK_ROOT": code}
        try:
            self.process = self._spawn(os.path.join(code, "bootstrap"), code, env)
        except OSError as e:
            self.logs.discard()
            self._server.server_close()
            hint = f" (the function is {architecture}, this machine is {platform.machine()})" if e.errno == errno.ENOEXEC else ""
            raise FunctionError("Runtime.InvalidEntrypoint", f"bootstrap does not run: {e.strerror}{hint}") from e
        self.logs.start()
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()

    def _spawn(self, path, code, env):
        for left in range(20, -1, -1):
            try:
                return subprocess.Popen([path], cwd=code, env=env, stdin=subprocess.DEVNULL, stdout=self.logs.write_end, stderr=self.logs.write_end)
            except OSError as e:
                # A process forked by another thread while the file was unpacked still holds it open for writing, for a moment.
                if e.errno != errno.ETXTBSY or not left:
                    raise
                time.sleep(0.05)

    def _watch(self):
        code = self.process.wait()
        self.logs.ended(1)
        failure = FunctionError("Runtime.ExitError", f"Runtime exited with error: {exit_reason(code)}")
        with self._lock:
            waiting, self._answer = self._answer, None
            if not self._started.done():
                self._started.set_exception(failure)
        if waiting:
            waiting[1].set_exception(failure)
        self._next.put(None)
        self._server.shutdown()
        self._server.server_close()

    def alive(self):
        return self.process.poll() is None

    def wait_started(self):
        """Returns when the function has asked for work; raises FunctionError when it exits, reports a fault or takes too long instead."""
        try:
            self._started.result(INIT_SECONDS)
        except FutureTimeout:
            self.process.kill()
            raise FunctionError("Sandbox.Timedout", f"Init phase timed out after {INIT_SECONDS:.2f} seconds") from None

    def invoke(self, payload):
        """Returns (body, is_error). Raises FunctionError at once when the process dies, and when the function's timeout has passed."""
        request_id, answer = payload["invoke-id"], Future()
        with self._lock:
            self._answer = (request_id, answer)
        if not self.alive():  # died just now: whoever watches it may have looked for a waiting answer before there was one
            self._fail(answer)
        self._next.put(payload)
        try:
            return answer.result(self.timeout)
        except FutureTimeout:
            self.process.kill()
            raise FunctionError("Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {self.timeout:.2f} seconds") from None
        except FunctionError as e:
            raise FunctionError(e.type, f"RequestId: {request_id} Error: {e}") from None

    def _fail(self, answer):
        with self._lock:
            mine, self._answer = self._answer is not None, None
        if mine:
            answer.set_exception(FunctionError("Runtime.ExitError", f"Runtime exited with error: {exit_reason(self.process.returncode)}"))

    def stop(self):
        """Lets the invocation under way finish within its own timeout, then ends the process. Returns at once if there is one."""
        with self._lock:
            answer = self._answer
        if answer:
            threading.Thread(target=self._stop_after, args=(answer[1],), daemon=True).start()
        else:
            self._end()

    def _stop_after(self, answer):
        try:
            answer.result(self.timeout)
        except Exception:  # however it ended, it has ended
            pass
        self._end()

    def _end(self):
        if not self.alive():
            return
        self.process.terminate()
        try:
            self.process.wait(TERM_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def _api(runtime):
        class RuntimeAPI(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: two small ones cost a delayed ACK, 40 ms per invocation
            disable_nagle_algorithm = True

            def log_message(self, *args):
                pass

            def do_GET(self):  # /2018-06-01/runtime/invocation/next
                with runtime._lock:
                    if not runtime._started.done():
                        runtime._started.set_result(None)
                payload = runtime._next.get()
                if payload is None:
                    return self.reply(410)
                self.reply(
                    200,
                    payload["payload"].encode(),
                    {
                        "Content-Type": "application/json",
                        "Lambda-Runtime-Aws-Request-Id": payload["invoke-id"],
                        "Lambda-Runtime-Trace-Id": payload.get("trace-id") or "",
                        "Lambda-Runtime-Invoked-Function-Arn": payload["invoked-function-arn"],
                        "Lambda-Runtime-Deadline-Ms": str(int((time.time() + runtime.timeout) * 1000)),
                    },
                )

            def do_POST(self):  # .../invocation/{id}/response, .../invocation/{id}/error, .../init/error
                body = self.read_body()
                parts = self.path.strip("/").split("/")
                if parts[-2:] == ["init", "error"]:
                    with runtime._lock:
                        if not runtime._started.done():
                            runtime._started.set_exception(FunctionError("Runtime.InitError", body.decode(errors="replace")))
                    return self.reply(202)
                if len(parts) < 5:
                    return self.reply(404)
                too_large = len(body) > MAX_RESPONSE_BYTES
                if too_large:
                    text = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
                    body = FunctionError("Function.ResponseSizeTooLarge", text).payload()
                with runtime._lock:
                    waiting = runtime._answer if runtime._answer and runtime._answer[0] == parts[3] else None
                    if waiting:
                        runtime._answer = None
                if waiting:
                    waiting[1].set_result((body, too_large or parts[4] == "error"))
                self.reply(413 if too_large else 202 if waiting else 400)

            def read_body(self):
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    return self.read_exactly(int(self.headers.get("Content-Length") or 0))
                body = b""
                while size := int(self.rfile.readline() or b"-1", 16):
                    body += self.read_exactly(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def read_exactly(self, size):
                """Raises ConnectionError for less: half an answer, of a process that was killed while it sent it, is none."""
                body = self.rfile.read(max(size, 0))
                if len(body) != size:
                    raise ConnectionError("the request ended before its body did")
                return body

            def reply(self, status, body=b"", headers=None):
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def handle(self):
                try:
                    super().handle()
                except (ConnectionError, BrokenPipeError):
                    pass  # the process was killed; whoever waits for its answer is told by _watch

        return RuntimeAPI


class ProcessRuntimeExecutor(RuntimeExecutor):
    """One execution environment. Its process may die and be replaced; the environment stays."""

    def __init__(self, id, function_version):
        super().__init__(id, function_version)
        self._runtime = None
        self._env = {}

    def start(self, env_vars):
        # The function sees what LocalStack gives it (region, credentials, AWS_ENDPOINT_URL, name, memory, its own variables)
        # and nothing of the shell that LocalStack was started from, but PATH.
        self._env = {"PATH": os.environ["PATH"], "HOME": "/tmp", "LANG": "en_US.UTF-8"} | {k: str(v) for k, v in env_vars.items()}
        if level := self._env.get("AWS_LAMBDA_LOG_LEVEL"):
            self._env["AWS_LAMBDA_LOG_LEVEL"] = level.upper()  # as Lambda writes it; LocalStack says "Info"
        self._start_runtime()

    def _start_runtime(self):
        version, log = self.function_version, Path(os.environ["PROCESS_EXECUTOR_LOGS"]) / f"{self.function_version.id.function_name}.log"
        try:
            self._runtime = Runtime(
                str(version.config.code.get_unzipped_code_location()),
                self._env,
                version.config.timeout or 3,
                log,
                (version.config.architectures or ["x86_64"])[0],
            )
            self._runtime.wait_started()
        except FunctionError as e:
            logs = self.get_logs()
            LOG.warning("function %s did not start: %s\n%s", version.id.function_name, e, logs)
            # This kind of exception reaches the caller as a function error at once, and the environment is thrown away.
            raise StatusErrorException(str(e), payload=e.payload()) from e

    def invoke(self, payload):
        request_id = payload["invoke-id"]
        if not self._runtime.alive():
            self._start_runtime()
        runtime, started = self._runtime, time.monotonic()
        try:
            body, is_error = runtime.invoke(payload)
        except FunctionError as e:
            runtime.process.wait()  # dead or killed: the next invocation must find it so
            runtime.logs.ended(1)
            body, is_error = e.payload(), True
            runtime.logs.note({"type": "platform.runtimeDone", "record": {"requestId": request_id, "status": "error", "errorType": e.type, "error": str(e)}})
        ms = (time.monotonic() - started) * 1000
        memory = self.function_version.config.memory_size
        logs = (
            f"START RequestId: {request_id} Version: {self.function_version.id.qualifier}\n{runtime.logs.take()}"
            f"END RequestId: {request_id}\nREPORT RequestId: {request_id} Duration: {ms:.2f} ms Memory Size: {memory} MB\n"
        )
        return InvocationResult(request_id, body, is_error=is_error, logs=logs)

    def stop(self):
        if self._runtime:
            self._runtime.stop()

    def get_logs(self):
        return self._runtime.logs.take() if self._runtime else ""

    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return "127.0.0.1"

    def get_runtime_endpoint(self):  # part of every function's environment; nothing listens there, LocalStack's own init would use it
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}/_localstack_lambda/{self.id}"

    @classmethod
    def prepare_version(cls, function_version):
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        # The unpacked code is shared by versions with the same code; LocalStack itself removes it with the code.
        pass

    @classmethod
    def validate_environment(cls):
        return "PROCESS_EXECUTOR_LOGS" in os.environ


def configured_log_group(environment):
    """The log group of the function's own LoggingConfig, which LocalStack stores and does not look at."""
    version = environment.function_version
    return (version.config.logging_config or {}).get("LogGroup") or f"/aws/lambda/{version.id.function_name}"


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):
    name = "process"

    def load(self, *args, **kwargs):
        ExecutionEnvironment.get_log_group_name = configured_log_group
        return ProcessRuntimeExecutor
