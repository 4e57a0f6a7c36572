#!/usr/bin/env python3
"""Generates clients from openapi.yaml with three generators and runs jobs through each.

    infra/dev/clients/run.py

oapi-codegen, openapi-python-client and openapi-typescript are pinned in this
file and in those beside it, and installed into build/clients. Each client is
generated, compiled and run as a producer and as a runner against the embedded
server. The exit code is 1 if a generator warns, a client does not compile, or a
reply is not what its types say.
"""

import base64
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import venv
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BUILD = ROOT / "build" / "clients"
DOCUMENT = ROOT / "shared" / "api" / "openapi.yaml"
OAPI_CODEGEN = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"


def run(*command, cwd=BUILD, **options):
    """Runs a command; what it says is shown only if it fails."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, text=True, capture_output=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def fresh(language):
    """A copy of a client's source, without what an earlier run has generated."""
    target = BUILD / language
    shutil.copytree(HERE / language, target, dirs_exist_ok=True)
    shutil.rmtree(target / "api", ignore_errors=True)
    return target


def go(env):
    target = fresh("go")
    (target / "api").mkdir()
    run("go", "run", OAPI_CODEGEN, "-generate", "types,client", "-package", "api", "-o", target / "api" / "api.go", DOCUMENT, cwd=ROOT)
    run("go", "build", "-o", "client", ".", cwd=target, env=os.environ | {"GOWORK": "off", "GOFLAGS": "-mod=readonly"})
    run(target / "client", env=env)


def python(env):
    target = fresh("python")
    home = BUILD / "venv"
    if not installed(home, HERE / "python" / "requirements.txt"):
        venv.create(home, clear=True, with_pip=True)
        run(home / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", HERE / "python" / "requirements.txt")
        shutil.copy(HERE / "python" / "requirements.txt", home)
    path = {"PATH": f"{home / 'bin'}:{os.environ['PATH']}"}
    said = run(home / "bin" / "openapi-python-client", "generate", "--path", DOCUMENT, "--meta", "none", "--output-path", target / "api",
               "--fail-on-warning", env=os.environ | path)
    if "WARNING" in said:
        sys.exit(f"openapi-python-client left something out:\n{said}")
    run(home / "bin" / "python", "-m", "compileall", "-q", "api", cwd=target)
    run(home / "bin" / "python", "main.py", cwd=target, env=env)


def typescript(env):
    target = fresh("typescript")
    if not installed(target / "node_modules", HERE / "typescript" / "package-lock.json"):
        run("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", cwd=target)
        shutil.copy(HERE / "typescript" / "package-lock.json", target / "node_modules")
    tools = target / "node_modules" / ".bin"
    run(tools / "openapi-typescript", DOCUMENT, "--output", target / "api.ts")
    run(tools / "tsc", "--project", ".", cwd=target)
    run("node", "main.js", cwd=target, env=env)


def installed(place, pins):
    """Reports whether what the pins name is installed in a place."""
    stamp = place / pins.name
    return stamp.exists() and stamp.read_bytes() == pins.read_bytes()


def code():
    """A submission, as the API takes it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("main.py", "print(1 + 2)\n")
    return base64.b64encode(out.getvalue()).decode()


def main():
    BUILD.mkdir(parents=True, exist_ok=True)
    run("go", "build", "-o", BUILD / "server", "./infra/local", cwd=ROOT)
    with subprocess.Popen([BUILD / "server"], stdout=subprocess.PIPE) as server:
        try:
            hello = json.loads(server.stdout.readline())
            env = os.environ | {"URL": hello["url"], "RUNNER": hello["runnerToken"], "PRODUCER": hello["producerToken"], "CODE": code()}
            for client in (go, python, typescript):
                client(env)
                print(f"{client.__name__}: generated, compiled, judged two jobs", flush=True)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
