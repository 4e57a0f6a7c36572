#!/usr/bin/env bash
# lint.sh: synthesises the templates of both APIs in both stages, checks that infra/testdata holds exactly those, and runs
# cfn-lint over them. Needs Go, Node and Python 3.10 or newer with venv; cfn-lint is installed once into build/lint/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=1.45.0
venv=build/lint/venv
if [ "$("$venv/bin/cfn-lint" --version 2> /dev/null)" != "cfn-lint $version" ]; then
  command -v python3 > /dev/null || { echo "lint: missing: python3, 3.10 or newer, with venv" >&2; exit 1; }
  echo "lint: installing cfn-lint $version into build/lint (once)"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check "cfn-lint==$version"
fi
echo "lint: $(go version | cut -d' ' -f3), node $(node --version), $("$venv/bin/python" --version), $("$venv/bin/cfn-lint" --version)"

go test -count=1 -run '^TestSnapshot$' ./infra
# W3005: the CDK writes DependsOn on a role beside the GetAtt that already makes the function wait for it; harmless, and not ours to leave out.
"$venv/bin/cfn-lint" --ignore-checks W3005 -- infra/testdata/*.template.json
for template in infra/testdata/*.template.json; do
  echo "lint: clean: $template ($(grep -c '^   "Type": "[A-Za-z0-9:]*"' "$template") resources)"
done
