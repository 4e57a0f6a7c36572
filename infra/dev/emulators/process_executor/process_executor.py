"""A LocalStack plugin that runs Lambda `bootstrap` binaries as plain processes of this host.

LocalStack runs functions in Docker. Where there is no Docker engine, this plugin starts infra/dev/invoke/environment, which
plays the Lambda Runtime API to a function's own `bootstrap`: one process per execution environment, kept warm between
invocations, one invocation at a time. LocalStack starts a second environment when all others are busy, just as Lambda does.

Selected by LAMBDA_RUNTIME_EXECUTOR=process; $PROCESS_EXECUTOR is the built program. What a function writes goes to
$PROCESS_EXECUTOR_LOGS/<function>.log, unchanged, and to its CloudWatch log stream. There is no isolation of any kind: for a
project's own functions only.
"""

import base64
import json
import logging
import os
import subprocess
from pathlib import Path

from localstack import config
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

LOG = logging.getLogger(__name__)


class ProcessRuntimeExecutor(RuntimeExecutor):
    """One execution environment. Its process may die and be replaced; the environment stays."""

    def start(self, env_vars):
        # The function sees what LocalStack gives it (region, credentials, AWS_ENDPOINT_URL, name, memory, its own variables)
        # and nothing of the shell that LocalStack was started from.
        env, version = {k: str(v) for k, v in env_vars.items()}, self.function_version
        if level := env.get("AWS_LAMBDA_LOG_LEVEL"):
            env["AWS_LAMBDA_LOG_LEVEL"] = level.upper()  # as Lambda writes it; LocalStack says "Info"
        name = version.id.function_name
        self._environment = subprocess.Popen([os.environ["PROCESS_EXECUTOR"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        answer = self._ask(
            bootstrap=str(Path(version.config.code.get_unzipped_code_location()) / "bootstrap"),
            name=name,
            env=env,
            timeout=version.config.timeout or 3,
            log=str(Path(os.environ["PROCESS_EXECUTOR_LOGS"]) / f"{name}.log"),
        )
        if answer["failed"]:
            payload = base64.b64decode(answer["payload"])
            LOG.warning("function %s did not start: %s\n%s", name, payload.decode(), answer["log"])
            # This kind of exception reaches the caller as a function error at once, and the environment is thrown away.
            raise StatusErrorException(f"{name} did not start", payload=payload)

    def _ask(self, **wish):
        self._environment.stdin.write(json.dumps(wish).encode() + b"\n")
        self._environment.stdin.flush()
        return json.loads(self._environment.stdout.readline())

    def invoke(self, payload):
        request_id = payload["invoke-id"]
        answer = self._ask(id=request_id, arn=payload["invoked-function-arn"], trace=payload.get("trace-id"), payload=payload["payload"])
        logs = (
            f"START RequestId: {request_id} Version: {self.function_version.id.qualifier}\n{answer['log']}END RequestId: {request_id}\n"
            f"REPORT RequestId: {request_id} Duration: {answer['ms']:.2f} ms Memory Size: {self.function_version.config.memory_size} MB\n"
        )
        return InvocationResult(request_id, base64.b64decode(answer["payload"]), is_error=answer["failed"], logs=logs)

    def stop(self):
        """Lets the invocation under way finish within its own timeout, then ends the process."""
        self._environment.stdin.close()

    def get_logs(self):
        return ""  # each answer brings its own

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
        return "PROCESS_EXECUTOR" in os.environ and "PROCESS_EXECUTOR_LOGS" in os.environ


def configured_log_group(environment):
    """The log group of the function's own LoggingConfig, which LocalStack stores and does not look at."""
    version = environment.function_version
    return (version.config.logging_config or {}).get("LogGroup") or f"/aws/lambda/{version.id.function_name}"


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):
    name = "process"

    def load(self, *args, **kwargs):
        ExecutionEnvironment.get_log_group_name = configured_log_group
        return ProcessRuntimeExecutor
