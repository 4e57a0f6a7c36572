# The project's commands. `make demo` and `make test` are all a newcomer needs;
# `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 1

GOFUMPT  := go run mvdan.cc/gofumpt@v0.12.0
GOLANGCI := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

comma := ,
# $(call stage,name,commands) runs a stage and says what it took.
stage = @start=$$SECONDS; { $(2); }; echo "== $(1): $$((SECONDS - start)) s"

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */\1\t/' | expand -t 20

.PHONY: demo
demo: ## judge real submissions on one machine; TARGET=localstack: through the deployed API
ifeq ($(TARGET),localstack)
	go run ./infra/dev/demo -endpoint-json build/localstack/localstack.json
else
	go run ./infra/dev/demo
endif

.PHONY: serve
serve: ## the embedded server
	go run ./infra/local

# ---- functions: build/functions/<arch>/<name>/bootstrap, only what changed

FUNCTIONS := $(notdir $(patsubst %/main.go,%,$(wildcard functions/*/main.go)))
bootstrap  = $(foreach f,$(FUNCTIONS),build/functions/$(1)/$(f)/bootstrap)

.PHONY: build build-amd64 build-arm64 build-here
build: ## all functions, for both architectures, side by side
	@$(MAKE) --no-print-directory -j2 build-amd64 build-arm64
build-amd64: $(call bootstrap,amd64)
build-arm64: $(call bootstrap,arm64)
# Emulators run functions on this machine's processor.
build-here: $(if $(filter x86_64 amd64,$(shell uname -m)),build-amd64,build-arm64)

# The same source gives the same bytes: no path, no build id, no VCS stamp.
define build-function
	@mkdir -p $(@D)
	@rm -f $@.d # of older builds, which kept it here: everything beside the binary goes into the zip
	CGO_ENABLED=0 GOOS=linux GOARCH=$(1) go build -trimpath -buildvcs=false -tags lambda.norpc -ldflags '-s -w -buildid=' -o $@ ./functions/$(2)
	@chmod 755 $@ # whatever the umask: Lambda starts it as another user
	@GOARCH=$(1) go list -deps -tags lambda.norpc -f '{{if not .Standard}}{{range .GoFiles}}{{$$.Dir}}/{{.}} {{end}}{{end}}' ./functions/$(2) \
		| tr ' ' '\n' | { grep "^$(CURDIR)/" || true; } | sed 's|^$(CURDIR)/||' | { printf '%s:' '$@'; tr '\n' ' '; echo; } > $(@D).d
endef
build/functions/amd64/%/bootstrap: go.mod go.sum
	$(call build-function,amd64,$*)
build/functions/arm64/%/bootstrap: go.mod go.sum
	$(call build-function,arm64,$*)
-include $(wildcard build/functions/*/*.d)
# A file that is gone makes what was built from it anew.
shared/%.go functions/%.go infra/%.go: ;

# ---- emulators

.PHONY: localstack localstack-down deploy-local ministack ministack-down deploy-ministack
localstack: ## start LocalStack: Docker where there is an engine, else a host process
	infra/dev/emulators/up.sh
localstack-down: ## stop it
	infra/dev/emulators/down.sh
deploy-local: build-here infra/node_modules ## deploy the REST API to LocalStack; ends with one line of JSON
	infra/dev/emulators/deploy.sh localstack
ministack: ## start MiniStack, which has HTTP APIs
	infra/dev/emulators/ministack-up.sh
ministack-down: ## stop it
	infra/dev/emulators/ministack-down.sh
deploy-ministack: build-here infra/node_modules ## deploy the HTTP API to MiniStack; ends with one line of JSON
	infra/dev/emulators/deploy.sh ministack

# The CDK is supported on Node 22 and newer. Older ones still run it here, so the tests go on; deploy with a supported one.
node_floor := 22
infra/node_modules: infra/package-lock.json
	@found=$$(node -p 'process.versions.node'); [ "$${found%%.*}" -ge $(node_floor) ] \
		|| echo "node $$found is below $(node_floor), the oldest that the CDK supports: deploy with a newer one" >&2
	npm ci --prefix infra --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: invoke starts reproducible
invoke: $(if $(FN),build/functions/$(shell go env GOARCH)/$(FN)/bootstrap) ## run a real function on a saved event: make invoke FN=claim-job EVENT=ok
	@[ -n "$(FN)" ] || { echo 'make invoke: which function? FN=<name of a folder of functions/> and, for one event, EVENT=<case>: make invoke FN=claim-job EVENT=ok'; exit 1; }
	go run ./infra/dev/invoke $(FN) $(EVENT)
starts: build-here ## CPU that each function takes to start, as a ratio to an empty one
	go run ./infra/dev/invoke -start
reproducible: ## build every function twice, in two places, and compare; takes minutes
	infra/dev/invoke/reproducible.sh

.PHONY: release
release: ## runner, server, bridge and ctl for linux/amd64 and arm64, licences and SHA256SUMS, below build/release
	go run ./infra/dev/release

.PHONY: bench bench-deterministic
bench: build-here ## every figure that has a budget, in one table and build/bench.json; takes minutes
	go run ./infra/dev/bench
bench-deterministic: ## those that are the same on every machine
	go run ./infra/dev/bench -deterministic

# ---- checks

formatted = out=$$($(GOFUMPT) -l shared functions infra events) && { [ -z "$$out" ] || { echo "not formatted (mended by: make fmt): $$out"; exit 1; }; }
.PHONY: fmt verify fix lint
fmt: ## format the Go files
	$(GOFUMPT) -w shared functions infra events
verify: ## what must leave no difference: tidy, format; then vet and lint
	$(call stage,tidy,go mod verify && { go mod tidy -diff || { echo "mended by: go mod tidy"; exit 1; }; })
	$(call stage,format,$(formatted))
	$(call stage,vet,go vet -tags localstack$(comma)chromium ./... || { echo "again by: go vet -tags localstack$(comma)chromium ./..."; exit 1; })
	$(call stage,lint,$(GOLANGCI) run ./... || { echo "again by: make lint; much of it is mended by: make fix"; exit 1; })
fix: ## what golangci-lint can mend by itself, then format
	$(GOLANGCI) run --fix ./...
	@$(MAKE) --no-print-directory fmt
lint: ## golangci-lint
	$(call stage,lint,$(GOLANGCI) run ./...)

# What a commit must pass, in seconds when little has changed: no CDK, no emulator, no compiler of submissions.
quick := . ./job ./judge ./problem ./dispatch ./auth ./memory ./apigw ./version ./language ./casefile ./zipdir
.PHONY: quick hooks
quick: ## format, vet and the tests of the rules, use cases and guides: what the pre-commit hook runs
	$(call stage,format,$(formatted))
	$(call stage,vet,go vet ./shared/... ./functions/... ./events/... ./infra/local ./infra/bridge ./infra/runner ./infra/ctl)
	$(call stage,tests,cd shared && go test $(quick) && go test -run 'Routes|Endpoint|Codes|OpenAPI' ./api && go test -run TestEveryTextIsThere ../infra/dev/mutations)
hooks: ## run make quick before every commit of this clone
	git config core.hooksPath .githooks

# ---- tests, by stage; each says what it took

.PHONY: test unit test-sandbox test-demo test-console test-localstack test-ministack test-templates test-e2e e2e-localstack e2e-ministack
test: ## everything but test-long, unit tests first; after a failure, again from the stage that failed
	@infra/dev/stages/run.sh unit test-sandbox test-demo test-console test-templates test-localstack test-ministack test-e2e
# The timeout is for a test that hangs. Go's own ten minutes end tests of a slow machine that only wait for leases and programs.
gotest := go test -timeout 60m
# Apart from the race detector: the CDK, which takes minutes to compile for it and whose jsii runtime has races of its
# own, the simulations, which run one goroutine at a time, and the million requests of the check for linearizability;
# that check's requests to the embedded server run with it. And what measures: the race detector allocates too.
plain := runlease/infra runlease/shared/runner/sandbox runlease/shared/testkit/sim runlease/shared/testkit/linear runlease/shared/testkit/fleet runlease/shared/testkit/measure
unit: ## what needs nothing but Go, Node and the languages that are judged
	$(call stage,unit tests with the race detector,$(gotest) -race $$(go list ./... | grep -vxF $(plain:%=-e %)))
	$(call stage,CDK$(comma) simulations$(comma) linearizability and measurements,$(gotest) $(plain))
	$(call stage,budgets,$(MAKE) --no-print-directory bench-deterministic)
# The unit tests run them on this machine's kernel.
test-sandbox: ## some attacks on the sandbox in user-mode Linux, on control groups of version 2: as root, as a service's user
	$(call stage,the sandbox on control groups of version 2,infra/dev/uml/run.sh 'TestAttacks/(hello|namespaces|memory-100-mb|thread-bomb|undeletable|first-process|own-inodes)')
test-demo:
	$(call stage,demo,$(MAKE) --no-print-directory demo)
infra/dev/console/node_modules: infra/dev/console/package-lock.json
	npm ci --prefix infra/dev/console --no-audit --no-fund --loglevel=error
	@touch $@
test-console: infra/dev/console/node_modules ## the operator's page in Chromium; screenshots go to build/console
	$(call stage,the console in Chromium,$(gotest) -tags chromium -count=1 ./infra/dev/console)
test-templates:
	$(call stage,cfn-lint,infra/lint.sh)
test-localstack:
	$(call stage,build,$(MAKE) --no-print-directory -s build)
	$(call stage,LocalStack up,$(MAKE) --no-print-directory localstack && infra/dev/emulators/listens.py build/localstack/pid)
	$(call stage,process executor,build/localstack/venv/bin/python infra/dev/emulators/process_executor/process_executor_test.py -b)
	$(call stage,adapters on LocalStack,$(gotest) -tags localstack -parallel 16 ./shared/dynamo ./shared/sqsqueue ./shared/s3artifact/... ./infra/ctl)
	$(call stage,faults on LocalStack,$(gotest) -tags localstack -count=1 -v ./infra/dev/faults)
	$(call stage,functions on LocalStack,$(gotest) -tags localstack ./infra/dev/invoke/...)
	$(call stage,deploy to LocalStack,$(MAKE) --no-print-directory deploy-local)
	$(call stage,demo on LocalStack,$(MAKE) --no-print-directory demo TARGET=localstack)
test-ministack:
	$(call stage,MiniStack up,infra/dev/emulators/ministack-up.sh && infra/dev/emulators/listens.py build/ministack/pid)
	$(call stage,deploy to MiniStack,$(MAKE) --no-print-directory deploy-ministack)
# They mostly wait, for leases and for the sweep: both at once. What an emulator that was stopped has forgotten is deployed again.
test-e2e:
	@[ -f build/localstack/pid -o -f build/localstack/container ] || $(MAKE) --no-print-directory localstack deploy-local
	@[ -f build/ministack/pid ] || $(MAKE) --no-print-directory ministack deploy-ministack
	@$(MAKE) --no-print-directory -j2 --output-sync=target e2e-localstack e2e-ministack
e2e-localstack:
	$(call stage,end to end on LocalStack,RUNLEASE_TARGET=$(CURDIR)/build/localstack/localstack.json $(gotest) -count=1 -parallel 8 ./infra/dev/e2e)
e2e-ministack:
	$(call stage,end to end on MiniStack,RUNLEASE_TARGET=$(CURDIR)/build/localstack/ministack.json $(gotest) -count=1 -parallel 8 ./infra/dev/e2e)

.PHONY: test-long
test-long: ## what is slow and rarely fails
	$(call stage,the server killed 300 times and 36 times by a power cut,$(gotest) -count=1 -run 'TestKilled|TestPowerCut' ./infra/local -kills 300 -cuts 36)
	$(call stage,Normal-OJ to runner and back$(comma) everything killed at random,$(gotest) -count=1 -run TestChain ./infra/bridge -submissions 500 -kills 150)
	$(call stage,every attack on this kernel,RUNLEASE_LONG=1 $(gotest) -count=1 ./shared/runner/sandbox)
	$(call stage,every attack on control groups of version 2,RUNLEASE_LONG=1 SECONDS_MAX=3600 infra/dev/uml/run.sh)
	$(call stage,clients that generators make of openapi.yaml,infra/dev/clients/run.py)

.PHONY: sim mutations
SEEDS ?= 10000
sim: ## the simulation, after the exploration of the small scope: SEEDS=10000; SEED=n replays one with its trace
	go run ./infra/dev/sim $(if $(SEED),-seed $(SEED),-seeds $(SEEDS))
mutations: ## take out each guard of the code, one at a time: a test must fail for each; ONLY=name for some of them
	go run ./infra/dev/mutations $(if $(ONLY),-only '$(ONLY)')

.PHONY: schemathesis
schemathesis: ## 100,000 requests made from openapi.yaml against the embedded server
	infra/dev/schemathesis/run.py
