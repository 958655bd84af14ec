# demo runs the main job, test everything that must pass, bench the measurements of the README, bench-advice
# those of the advice, soak ten minutes of mixed load.

GO    ?= go
TOOL   = $(GO) tool -modfile=internal/tools/go.mod
APT    = DEBIAN_FRONTEND=noninteractive apt-get -qq

.PHONY: demo test unit integration e2e check ui ui-check bench bench-advice soak chromium node sqlite3

demo:
	$(GO) run ./cmd/sqlite-perf demo

test: check unit integration ui-check e2e

check:
	$(GO) vet ./...
	$(TOOL) staticcheck ./...

# The race detector makes SQLite, which is Go here, six times as slow: the advisor thins its searches and proofs out
# under it, and runs all of them without.
unit:
	$(GO) test -race -timeout 12m ./...
	$(GO) test ./advisor

# What drives the driver from outside: modernc's own tests, and libraries that run on database/sql. A
# module of its own, without C: one of them would compile another SQLite for nothing. Then the capture of HTTP
# under others' routers, and the durable queue, a module because of what river requires.
integration:
	cd internal/integration && $(GO) vet ./... && CGO_ENABLED=0 $(GO) test -timeout 10m ./...
	cd internal/httpbench && $(GO) vet ./... && $(GO) test -race ./...
	cd middleware/async/durable && $(GO) vet ./... && $(GO) test -race -timeout 5m ./...

# The browser's tests live in a module of their own, so that no user's go.sum meets the browser.
e2e: chromium
	cd internal/e2e && $(GO) vet ./... && $(GO) test -timeout 5m ./...

# ui writes server/ui/dist, which is committed; ui-check fails if the sources say something else.
ui: node
	cd server/ui && npm ci --no-audit --no-fund --silent
	$(GO) run ./server/ui/build

ui-check: node
	cd server/ui && npm ci --no-audit --no-fund --silent && npm run --silent check && npm test --silent
	$(GO) run ./server/ui/build -check

bench:
	$(GO) test -run '^$$' -bench . -benchmem -timeout 30m ./driver ./internal/sqltext ./internal/capture ./internal/digest ./middleware/async ./server/otel ./server/prom
	cd internal/asyncbench && $(GO) test -run '^$$' -bench . -benchmem .
	$(GO) test -run MemoryIsBounded -v -count 1 ./internal/digest
	cd internal/httpbench && $(GO) test -run '^$$' -bench . ./...

# Ours and SQLite's own .expert on two workloads, whose sources are kept beside the project, and a thousand
# statements on 100 MB.
ADVBENCH ?= ../shared/advbench

bench-advice: sqlite3
	@test -f $(ADVBENCH)/go.mod || { echo '$(ADVBENCH) is missing: say where advbench is with ADVBENCH=' >&2; exit 1; }
	cd internal/advicebench && $(GO) run . -project $(CURDIR) -advbench $(abspath $(ADVBENCH))

soak:
	$(GO) test -race -run Soak -timeout 20m -v ./driver -soak 10m

chromium:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && $(APT) update && $(APT) install -y --no-install-recommends chromium; } || \
		{ echo 'chromium is missing: install it, or run as root on Debian' >&2; exit 1; }

node:
	@command -v npm >/dev/null || { [ "$$(id -u)" = 0 ] && $(APT) update && $(APT) install -y --no-install-recommends nodejs npm; } || \
		{ echo 'node and npm are missing: install them, or run as root on Debian' >&2; exit 1; }

sqlite3:
	@command -v sqlite3 >/dev/null || { [ "$$(id -u)" = 0 ] && $(APT) update && $(APT) install -y --no-install-recommends sqlite3; } || \
		{ echo 'sqlite3 is missing: install it, or run as root on Debian' >&2; exit 1; }
