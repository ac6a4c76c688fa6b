# Everything a developer or a machine runs; `make help` lists it.
# Each target can be run on its own in a clean clone, with or without a terminal.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# One compiler at a time uses all cores already, and two would fight over .build.
.NOTPARALLEL:

# An import that the manifest does not declare compiles without this flag, and breaks later.
IMPORTS := --explicit-target-dependency-import-check error
SWIFT_SOURCES := Package.swift Sources Tests Examples
# Tests of values and of simulated disks, which disturb nobody: they run side by side. All others have servers, files,
# threads or time limits, and run one after the other.
SIMULATED_DISKS := (Damage|Fault|Inspection|Mending|Model|PowerCut|RandomRead|Snapshot|TimeLookUp|TornWrite)Tests
SIDE_BY_SIDE := ^((FormationTests|RaftCoreTests|RaftNodeTests|SimulationTests)\.|CommitLogTests\.$(SIMULATED_DISKS)/)
RUN_TESTS = DISTLOG_BIN_DIR="$$(swift build --show-bin-path)" swift test --skip-build --disable-xctest

.PHONY: help deps deps-run deps-test build release run up down test check fix ci certs protos docs bench dist install uninstall \
	test-dist fuzz sim test-tsan test-asan clean

PREFIX := /usr/local
DESTDIR :=

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

deps: deps-test ## install every system package and Python package that is missing

deps-run:
	@scripts/deps.sh run

deps-test:
	@scripts/deps.sh test
	@scripts/python-env.sh

build: deps-run ## build everything but the tests, with debug information
	swift build $(IMPORTS)

release: deps-run ## build both programs, optimised
	swift build -c release $(IMPORTS) --product distlogd
	swift build -c release $(IMPORTS) --product distlog-client

run: ## the whole way once: three nodes, a real file in, kill -9 of the leader, the same bytes on all
	@started=$$(date +%s); $(MAKE) deps-run release certs; DISTLOG_STARTED=$$started scripts/run.sh

up: deps-run release certs ## start three nodes and leave them running, data in the folder cluster
	@scripts/cluster.sh up

down: ## stop what `make up` started; the data stays
	@scripts/cluster.sh down

test: deps-test certs ## build with the tests and run them all
	@scripts/test-example.sh
	swift build --build-tests $(IMPORTS)
	DISTLOG_BIN_DIR="$$(swift build --show-bin-path)" scripts/test-five-minutes.sh
	$(RUN_TESTS) --filter '$(SIDE_BY_SIDE)'
	$(RUN_TESTS) --no-parallel --skip '$(SIDE_BY_SIDE)'

check: deps-test ## format, layers, protos, documents; changes nothing
	@scripts/check.sh

fix: ## format the Swift sources in place
	swift format --in-place --recursive $(SWIFT_SOURCES)

ci: check test ## what must pass before a change is merged
	@$(MAKE) --no-print-directory sim SEEDS=500

certs: deps-run ## make development certificates, unless there are good ones
	@scripts/certs.sh

protos: deps-test ## make the C code that the tests judge the codec with
	@scripts/protos.sh

docs: deps-run ## make the documentation of the two libraries; any warning is an error
	swift build $(IMPORTS) --target CommitLog
	swift build $(IMPORTS) --target DistlogClient
	@scripts/docs.sh

sim: deps-run ## simulated clusters: SEED SEEDS PROFILE NODES, 60 simulated seconds each; MUTANTS=1 breaks each rule in turn
	swift build -c release $(IMPORTS) --product distlog-sim
	@"$$(swift build -c release --show-bin-path)/distlog-sim" --seed $${SEED:-1} --seeds $${SEEDS:-100} \
	  $${PROFILE:+--profile $$PROFILE} $${NODES:+--nodes $$NODES} $${MUTANTS:+--mutants}

bench: deps-run release certs ## measure one node, then three, on this machine
	swift build -c release $(IMPORTS) --product distlog-bench
	@scripts/bench.sh

dist: deps-run ## make an archive in dist/ that needs no Swift
	@scripts/dist.sh

install: dist ## install below PREFIX (default /usr/local)
	@archive=$$(ls -t dist/distlog-*.tar.gz | head -n 1); install -d "$(DESTDIR)$(PREFIX)"; \
	tar -xzf "$$archive" --strip-components=1 --no-same-owner -C "$(DESTDIR)$(PREFIX)"; \
	echo "installed in $(DESTDIR)$(PREFIX)"

uninstall: ## remove what `make install` put below PREFIX
	@cd "$(DESTDIR)$(PREFIX)" && rm -f bin/distlogd bin/distlog-client share/man/man8/distlogd.8.gz \
	  share/man/man1/distlog-client.1.gz share/bash-completion/completions/distlogd \
	  share/bash-completion/completions/distlog-client share/zsh/site-functions/_distlogd \
	  share/zsh/site-functions/_distlog-client share/fish/vendor_completions.d/distlogd.fish \
	  share/fish/vendor_completions.d/distlog-client.fish && rm -rf share/doc/distlog

test-dist: ## run that archive in a bare Debian 12 root (needs root and debootstrap)
	@scripts/test-dist.sh

fuzz: deps-test ## each fuzz target for FUZZ_SECONDS (60); fails on a crash, a hang, or too much memory
	@scripts/fuzz.sh $${FUZZ_SECONDS:-60}

test-tsan: deps-test certs ## the concurrent tests and a server under load, with ThreadSanitizer
	@scripts/sanitize.sh thread

test-asan: deps-test certs ## the tests of raw memory and a server among rough peers, with AddressSanitizer
	@scripts/sanitize.sh address

clean: ## remove what was built; certificates stay
	rm -rf .build .build-* fuzz-out .tools bench/out bench/data dist Examples/.build
