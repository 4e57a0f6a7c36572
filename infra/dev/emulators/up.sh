#!/usr/bin/env bash
# Starts LocalStack 4.14.0 on 127.0.0.1:4566 and waits until it answers. Idempotent. Stop it with down.sh.
# With a Docker engine it runs the image. Without one it installs LocalStack into build/localstack/ (once; about 0.5 GB) and
# runs it as a process of this machine; that needs Go, Python 3.13, Java 17 or newer with javac and jar, Maven, a C compiler, and curl.
# RUNLEASE_LOCALSTACK=process chooses the process even where there is a Docker engine.
set -euo pipefail
name=localstack
. "$(dirname "${BASH_SOURCE[0]}")/emulator.sh"

version=4.14.0
endpoint=http://127.0.0.1:4566
dir=$project/build/localstack
lib=$dir/root/var/lib/localstack/lib # LocalStack looks here for DynamoDB Local and a JDK, and downloads what is missing
ddb=$lib/dynamodb-local/2
began=$SECONDS

# Changes when an installation has to be made anew.
recipe() { cat "$here"/constraints.txt "$here"/dynamodb-local.pom.xml "$here"/process_executor/{pyproject.toml,process_executor.py} "$here"/loopback.c | cksum; }

up() { answers "$endpoint/_localstack/health" "\"version\": *\"$version\""; }

check_tools() {
  local missing=()
  python=$(python_of 3.13) || missing+=("Python 3.13 with venv (LocalStack $version does not run on another; 'pyenv install 3.13', 'uv python install 3.13' or your system's python3.13 and python3.13-venv)")
  command -v mvn > /dev/null || missing+=("Maven (mvn)")
  if ! command -v javac > /dev/null || ! command -v jar > /dev/null; then
    missing+=("a JDK, 17 or newer, with javac and jar")
  elif [ "$(javac -version 2>&1 | sed 's/^javac \([0-9]*\).*/\1/')" -lt 17 ]; then
    missing+=("Java 17 or newer ($(javac -version 2>&1) is too old)")
  fi
  command -v go > /dev/null || missing+=("Go (go)")
  command -v cc > /dev/null || missing+=("a C compiler (cc)")
  [ ${#missing[@]} -eq 0 ] || {
    printf 'localstack: missing: %s\n' "${missing[@]}" >&2
    fail "install what is missing, or start a Docker engine"
  }
}

install_localstack() {
  "$python" -m venv "$dir/venv"
  # Later releases of cbor2, pyOpenSSL and plux break $version: every dependency is held at the version it was released with.
  # Not compiled here: most of it is never imported, and the first start compiles what is.
  # A build leaves files beside its sources, so the executor is built from a copy.
  rm -rf "$dir/process_executor"
  cp -r "$here/process_executor" "$dir/process_executor"
  "$dir/venv/bin/pip" install -q --no-compile --disable-pip-version-check -c "$here/constraints.txt" "localstack-core[runtime]==$version" "$dir/process_executor"
}

install_dynamodb_local() {
  local build jar
  rm -rf "$ddb"
  mkdir -p "$ddb" "$lib/java"
  build=$(mktemp -d)
  ln -sfn "$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.home = //p')" "$lib/java/21"
  mvn -q -B -f "$here/dynamodb-local.pom.xml" dependency:copy-dependencies -DoutputDirectory="$ddb/DynamoDBLocal_lib"

  # LocalStack always passes a Java agent that is not published; an empty one will do.
  echo 'public class NoAgent { public static void premain(String args) {} }' > "$build/NoAgent.java"
  echo 'Premain-Class: NoAgent' > "$build/agent.mf"
  javac --release 17 -d "$build" "$build/NoAgent.java"
  jar cfm "$ddb/ddb-local-loader-0.1.jar" "$build/agent.mf" -C "$build" NoAgent.class
  # DynamoDBLocal.jar: only a manifest that points at the real jars. Last, because its presence means installed.
  {
    echo "Main-Class: com.amazonaws.services.dynamodbv2.local.main.ServerRunner"
    printf 'Class-Path: '
    for jar in "$ddb"/DynamoDBLocal_lib/*.jar; do printf '\n  DynamoDBLocal_lib/%s' "$(basename "$jar")"; done
    echo
  } > "$build/launcher.mf"
  jar cfm "$ddb/DynamoDBLocal.jar" "$build/launcher.mf"
  rm -r "$build"
}

install() {
  check_tools
  say "installing into build/localstack (once, about a minute)"
  rm -rf "$dir/venv" "$dir/recipe"
  cc -shared -fPIC -O2 -o "$dir/loopback.so" "$here/loopback.c" -ldl
  install_dynamodb_local > "$dir/install-dynamodb.log" 2>&1 &
  local database=$!
  install_localstack > "$dir/install-localstack.log" 2>&1 || {
    tail -n 20 "$dir/install-localstack.log" >&2
    kill "$database" 2> /dev/null || true
    fail "could not install LocalStack"
  }
  wait "$database" || {
    tail -n 20 "$dir/install-dynamodb.log" >&2
    fail "could not install DynamoDB Local"
  }
  recipe > "$dir/recipe"
  say "installed in $((SECONDS - began)) s"
}

# The same for both ways to run it.
#   S3_SKIP_SIGNATURE_VALIDATION=0  presigned URLs are checked as S3 does
#   PROVIDER_OVERRIDE_DYNAMODB=v2   requests go to DynamoDB Local as they are
#   SQS_ENDPOINT_STRATEGY=path      queue URLs work without DNS
#   CFN_IGNORE_UNSUPPORTED_...      what it has not (a dashboard) is skipped, with a line in the log
#   DISABLE_EVENTS=1                nothing is reported to anybody
settings=(
  LOCALSTACK_HOST=127.0.0.1:4566 S3_SKIP_SIGNATURE_VALIDATION=0 PROVIDER_OVERRIDE_DYNAMODB=v2 DYNAMODB_IN_MEMORY=1 SQS_ENDPOINT_STRATEGY=path SKIP_SSL_CERT_DOWNLOAD=1
  CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES=1 DISABLE_EVENTS=1
)

start_process() {
  if [ ! -x "$dir/venv/bin/python" ] || [ "$(cat "$dir/recipe" 2> /dev/null)" != "$(recipe)" ]; then install; fi
  go build -C "$project" -o "$dir/environment" ./infra/dev/invoke/environment # plays the Lambda Runtime API to functions
  rm -rf "$dir/logs" "$dir/tmp"
  mkdir -p "$dir/logs" "$dir/tmp"
  # OVERRIDE_IN_DOCKER: inside any container LocalStack takes itself for its own image and ignores FILESYSTEM_ROOT.
  # GATEWAY_SERVER, loopback.so: whoever reaches LocalStack runs code as this user, so it listens on loopback only. Its
  # default server ignores the host of GATEWAY_LISTEN, and DynamoDB Local has no option for an address.
  # PYTHONDONTWRITEBYTECODE is taken out: with it every start would compile LocalStack again.
  in_background "$dir" env -u PYTHONDONTWRITEBYTECODE -u DEBUG "${settings[@]}" OVERRIDE_IN_DOCKER=0 FILESYSTEM_ROOT="$dir/root" TMPDIR="$dir/tmp" \
    GATEWAY_LISTEN=127.0.0.1:4566 GATEWAY_SERVER=hypercorn LD_PRELOAD="$dir/loopback.so" DNS_ADDRESS=0 LAMBDA_RUNTIME_EXECUTOR=process PROCESS_EXECUTOR="$dir/environment" PROCESS_EXECUTOR_LOGS="$dir/logs" \
    "$dir/venv/bin/python" -m localstack.runtime.main
  cp "$dir/recipe" "$dir/running"
}

start_docker() {
  local setting flags=()
  for setting in "${settings[@]}"; do flags+=(-e "$setting"); done
  docker rm -f runlease-localstack > /dev/null 2>&1 || true
  # The engine's socket: functions run as containers beside this one.
  docker run -d --name runlease-localstack -p 127.0.0.1:4566:4566 -v /var/run/docker.sock:/var/run/docker.sock "${flags[@]}" "localstack/localstack:$version" > "$dir/container"
  local deadline=$((SECONDS + 120))
  until up; do
    [ $SECONDS -lt $deadline ] && docker ps -q --no-trunc | grep -qF "$(cat "$dir/container")" || {
      docker logs --tail 20 runlease-localstack >&2
      fail "the container did not come up"
    }
    sleep 0.5
  done
}

command -v curl > /dev/null || fail "curl is missing"
mkdir -p "$dir"
one_at_a_time "$dir"
if up; then
  if [ -f "$dir/pid" ] && [ "$(cat "$dir/running" 2> /dev/null)" != "$(recipe)" ]; then
    say "already up: $endpoint (installed from older files; run down.sh first to use the present ones)"
  else
    say "already up: $endpoint"
  fi
  exit 0
fi
if port_taken 4566; then fail "something else listens on 127.0.0.1:4566"; fi

if [ "${RUNLEASE_LOCALSTACK:-}" != process ] && engine=$(docker info --format '{{.ServerVersion}}' 2> /dev/null) && [ -n "$engine" ]; then
  say "starting the image on Docker $engine"
  rm -f "$dir/pid"
  start_docker
  where="container runlease-localstack"
else
  say "starting as a process (no Docker engine answers)"
  rm -f "$dir/container"
  start_process
  wait_until_up "$dir" "$endpoint/_localstack/health" "\"version\": *\"$version\""
  where="pid $(cat "$dir/pid"), log build/localstack/log, functions' logs build/localstack/logs/<function>.log"
fi
# The first call to DynamoDB starts a JVM: here and not in the first test.
curl -sf -m 60 -o /dev/null -H 'X-Amz-Target: DynamoDB_20120810.ListTables' -H 'Content-Type: application/x-amz-json-1.0' \
  -H 'Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0' -d '{}' "$endpoint/" || fail "DynamoDB does not answer; see $dir/log"
say "up in $((SECONDS - began)) s: $endpoint ($where)"
