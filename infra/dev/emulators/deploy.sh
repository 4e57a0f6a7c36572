#!/usr/bin/env bash
# deploy.sh localstack|ministack [cdk options]: deploys stage dev to an emulator on this machine: the REST API to LocalStack
# (whose community edition has no HTTP API), the HTTP API to MiniStack. Idempotent; needs Node, Go, and the functions'
# binaries in build/functions (it builds none itself). The URL and the names of what was deployed go to
# build/localstack/<target>.env, one shell assignment per line, and to stdout.
set -euo pipefail
name=deploy
. "$(dirname "${BASH_SOURCE[0]}")/emulator.sh"
cd "$project"

pools=
target=${1:-}
[ $# -eq 0 ] || shift
case $target in
  localstack)
    port=4566 api=rest stage_in_url=dev health=_localstack/health start=up.sh
    # It has no WebSocket API, and leaves a zip in a reply as base64 where the client accepts */*.
    set -- -c doorbell=false -c codeAsObjects=true -c webhookHosts=127.0.0.1 "$@"
    ;;
  ministack)
    port=4567 api=http stage_in_url='$default' health=_ministack/health start=ministack-up.sh
    pools=default,exam # the other deployment has the default one alone
    set -- -c "pools=$pools" -c metricMath=false -c webhookHosts=127.0.0.1 "$@" # it has no alarms on metric math, and fails the stack
    ;;
  *) fail "which one? deploy.sh localstack|ministack [cdk options]" ;;
esac
. "$here/env.sh" "$port"
# Node's own age is for whoever installs it; jsii would print a screenful about it at every call.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1

command -v npm > /dev/null || fail "npm is missing (it comes with Node)"
command -v go > /dev/null || fail "go is missing"
answers "$AWS_ENDPOINT_URL/$health" version || fail "nothing answers on $AWS_ENDPOINT_URL: run infra/dev/emulators/$start"

# Functions run on this machine's processor.
case $(uname -m) in
  x86_64 | amd64) arch=x86_64 ;;
  *) arch=arm64 ;;
esac

if [ ! -x infra/node_modules/.bin/cdklocal ] || [ infra/package-lock.json -nt infra/node_modules ]; then
  say "installing the CDK command line into infra/node_modules (once)"
  npm ci --prefix infra --no-audit --no-fund --loglevel=error
  touch infra/node_modules
fi

out=build/localstack
mkdir -p "$out"
# An emulator forgets everything when it stops, so what was prepared is remembered for the running one only.
running=$(cat "build/$target/pid" "build/$target/container" 2> /dev/null || true)
if [ -z "$running" ] || [ "$(cat "$out/$target.bootstrapped" 2> /dev/null)" != "$running" ]; then
  say "preparing $target for the CDK (bootstrap)"
  # From a folder without cdk.json: it would synthesise the app only to learn the account.
  (cd infra && node_modules/.bin/cdklocal bootstrap aws://000000000000/us-east-1) > "$out/$target.log" 2>&1 || {
    tail -n 20 "$out/$target.log" >&2
    fail "bootstrap failed"
  }
  echo "$running" > "$out/$target.bootstrapped"
fi

began=$SECONDS
say "deploying runlease-dev to $target (api=$api, arch=$arch)"
# autoDeleteObjects=false: MiniStack hangs on it, and an emulator forgets its objects anyway.
infra/node_modules/.bin/cdklocal deploy runlease-dev --require-approval never --output "$out/$target.cdk.out" --outputs-file "$out/$target.outputs.json" \
  -c stage=dev -c "api=$api" -c "arch=$arch" -c "endpoint=$AWS_ENDPOINT_URL" -c autoDeleteObjects=false "$@" > "$out/$target.log" 2>&1 || {
  tail -n 40 "$out/$target.log" >&2
  fail "the deployment failed; the whole log is $out/$target.log"
}

node - "$out/$target.outputs.json" "$AWS_ENDPOINT_URL" "$stage_in_url" > "$out/$target.env" << 'JS'
const [file, endpoint, stage] = process.argv.slice(2);
const o = require(require('path').resolve(file))['runlease-dev'];
const names = {
  // The output ApiUrl is the address on AWS; emulators serve the same API below a path of their own.
  RUNLEASE_URL: `${endpoint}/_aws/execute-api/${o.ApiId}/${stage}`,
  RUNLEASE_JOBS_TABLE: o.JobsTable,
  RUNLEASE_PROBLEMS_TABLE: o.ProblemsTable,
  RUNLEASE_CREDENTIALS_TABLE: o.CredentialsTable,
  RUNLEASE_QUEUE_URL: o.QueueUrl,
  ...(o.PoolQueueUrls ? {RUNLEASE_POOL_QUEUES: o.PoolQueueUrls} : {}),
  RUNLEASE_DEAD_LETTER_QUEUE_URL: o.DeadLetterQueueUrl,
  RUNLEASE_BUCKET: o.Bucket,
};
for (const [key, value] of Object.entries(names)) {
  if (!value || /undefined|'/.test(value)) throw new Error(`no output for ${key}`);
  console.log(`${key}='${value}'`);
}
JS
say "deployed in $((SECONDS - began)) s; written to $out/$target.env:"
cat "$out/$target.env"

# Tokens for this deployment, and the same line of JSON as the embedded server's. Those of the last run are kept while they are good.
json=$out/$target.json
. "$out/$target.env"
good() {
  [ -f "$json" ] && node - "$json" "$RUNLEASE_URL" << 'JS' > "$out/$target.log" 2>&1
const [file, url] = process.argv.slice(2);
const o = JSON.parse(require('fs').readFileSync(file));
(async () => {
  if (o.url !== url) process.exit(1);
  const beat = await fetch(`${url}/runner/heartbeat`, {method: 'POST', headers: {'X-Runner-Token': o.runnerToken, 'X-Runner-Name': 'deploy'}});
  const read = await fetch(`${url}/jobs/nobody`, {headers: {Authorization: `Bearer ${o.producerToken}`}});
  process.exit(beat.status === 200 && read.status === 404 ? 0 : 1);
})();
JS
}
issue() { go run ./infra/ctl token issue -table "$RUNLEASE_CREDENTIALS_TABLE" -expires 30d "$@" | node -e 'console.log(JSON.parse(require("fs").readFileSync(0)).token)'; }
if ! good; then
  say "issuing tokens"
  runner=$(issue -kind runner -name local -fleet ${pools:+-pools "$pools"})
  producer=$(issue -kind producer -name local -scopes jobs:write,jobs:read,problems:write,ops:read,ops:write)
  rm -f "$json"
  (
    umask 077
    printf '{"url":"%s","runnerToken":"%s","producerToken":"%s"}\n' "$RUNLEASE_URL" "$runner" "$producer" > "$json"
  )
fi
cat "$json"
