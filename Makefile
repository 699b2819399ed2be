# README's two commands are `make demo` and `make test`. Both say what is missing
# on this machine and install it (integration/install.sh).

GO          ?= go
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT      = mvdan.cc/gofumpt@v0.12.0
MINUTES     ?= 5
export PATH := $(PATH):/usr/local/go/bin:/usr/local/sbin:/usr/sbin:/sbin

.PHONY: build demo test check unit integration faults bench fuzz clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o proxyfilter ./cmd/proxyfilter

demo:
	@sh integration/install.sh demo
	@$(GO) run ./integration/demo

test:
	@sh integration/install.sh test
	@$(MAKE) --no-print-directory check unit integration

# What no test run finds: form, and what the compiler lets pass.
check:
	@test -z "$$($(GO) run $(GOFUMPT) -l .)" || { echo 'not formatted with gofumpt:'; $(GO) run $(GOFUMPT) -l .; exit 1; }
	$(GO) vet -tags integration ./...
	$(GO) run $(STATICCHECK) -tags integration ./...

# Everything that needs no other program: unit tests, the milestones, fuzz seeds.
unit:
	$(GO) test -race ./...
	$(GO) test -run Allocations ./cmd/proxyfilter # the race detector makes some of its own

# The same promises kept by real Postfix, spamd, OpenDKIM and clamd.
integration:
	$(GO) test -tags integration -count=1 -timeout 20m ./integration/... ./filter/spamd/... ./filter/clamd/...

# What happens when something goes wrong: plays the fault matrix, and writes and
# prints the table. `make unit` fails when the table is not what was played.
faults:
	@$(GO) test ./milestones -run '^TestFaults$$' -count=1 -args -rewrite || exit 1
	@cat integration/FAULTS.md

bench:
	$(GO) run ./integration/bench run
	$(GO) run ./integration/bench hold

# What `make test` has in small, in full: 200 kills, minutes of load, a minute for
# each fuzz target, all of smuggling and of the fault matrix. Within 90 minutes it
# writes integration/VERIFIED.md.
.PHONY: verify
verify:
	@sh integration/install.sh test
	$(GO) run ./integration/verify -minutes $(MINUTES)

# Load for minutes: nothing may grow, starve or be lost.
.PHONY: soak
soak:
	$(GO) run ./integration/soak -minutes $(MINUTES)

# Each fuzz target for so long, two of them side by side; the seeds, and what was
# once found (testdata/fuzz), run in every `make unit`. On a busy machine Go's fuzzer
# may call the end of its time a failure; without a failing input it is none. All
# targets run, and those that failed are named at the end. Coverage outweighs the
# smallest input, hence fuzzminimizetime. FUZZ=Client takes only targets named so.
FUZZTIME ?= 10s
fuzz:
	@failed=$$(mktemp) && export failed && trap 'rm -f "$$failed"' EXIT && \
	grep -r '^func Fuzz$(FUZZ)' --include='*_test.go' . | sed -n 's|/[^/]*:func \(Fuzz[A-Za-z0-9]*\).*| \1|p' | xargs -P 2 -L 1 sh -c \
		'said=$$($(GO) test "$$0" -run "^$$" -fuzz "^$$1\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x -parallel 1 2>&1) \
			|| case $$said in *"Failing input"*) false ;; *"context deadline exceeded"*) : ;; *) false ;; esac \
			&& echo "$$0 $$1: $$(echo "$$said" | grep -o "execs: .*" | tail -1)" || { echo "$$said"; echo "$$0 $$1" >>"$$failed"; }' && \
	if [ -s "$$failed" ]; then echo "FAILED:"; sort "$$failed"; exit 1; fi

# Packages for Debian and Ubuntu, tarballs for the rest, and their checksums.
# ARCHS=amd64 makes those of one architecture.
.PHONY: dist
dist:
	@sh integration/dist/dist.sh $(ARCHS)

clean:
	rm -rf proxyfilter dist
