#!/usr/bin/env bash
# Builds functions twice, from two copies of the source in different folders and
# without a common build cache, and compares the bytes.
#
#   infra/dev/invoke/reproducible.sh [function...]     default: all
#
# ARCHS="arm64" builds for one architecture only. Takes minutes: nothing is cached.
set -euo pipefail
cd "$(dirname "$0")/../../.."

scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
functions=("$@")
if [ ${#functions[@]} -eq 0 ]; then
    for main in functions/*/main.go; do functions+=("$(basename "$(dirname "$main")")"); done
fi
mkdir -p "$scratch/one" "$scratch/another/place"
# Both copies first: the source may change while the first one is built.
git ls-files -z -- go.mod go.sum functions shared | xargs -0 cp --parents -t "$scratch/one"
cp -r "$scratch/one/." "$scratch/another/place"
for copy in one another/place; do
    for arch in ${ARCHS:-amd64 arm64}; do
        for function in "${functions[@]}"; do
            (cd "$scratch/$copy" && GOCACHE="$scratch/cache-${copy%%/*}" GOFLAGS='' CGO_ENABLED=0 GOOS=linux GOARCH=$arch \
                go build -trimpath -buildvcs=false -tags lambda.norpc -ldflags '-s -w -buildid=' \
                -o "$scratch/out/${copy%%/*}/$arch/$function" "./functions/$function")
        done
    done
done
if ! diff <(cd "$scratch/out/one" && sha256sum */*) <(cd "$scratch/out/another" && sha256sum */*); then
    echo "the same source made other bytes" >&2
    exit 1
fi
echo "${#functions[@]} functions, ${ARCHS:-amd64 arm64}: the same bytes twice"
