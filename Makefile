# Targets of ipvd. `make help` lists them.

PROGRAMS := ipvd ipvctl ipvgen
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
FUZZTIME := 10s
SEED := 1
FRAMES := 20000

.DEFAULT_GOAL := all
.PHONY: all share deb deb-test deps run tour test lint fuzz oracle conformance conformance-mutants differential bench bench-deps vmtest clean help

all: ## build bin/ipvd, bin/ipvctl and bin/ipvgen (default)
	go build -ldflags '-X main.Version=$(VERSION)' -o bin/ $(PROGRAMS:%=./cmd/%)

share: all ## write man pages and completions to bin/share
	rm -rf bin/share
	bin/ipvctl write-share bin/share
	bin/ipvgen write-share bin/share

deb: deps share ## build the Debian package bin/ipvd_VERSION_ARCH.deb
	@deploy/debian/build

deb-test: deb ## install, upgrade, boot and purge it in a container (root; 2 minutes, 10 the first time)
	@deploy/debian/test-deps
	@deploy/debian/test

deps: ## install missing Debian packages; silent when none is missing
	@deploy/deps

run: deps all ## build, then show ipvd at work (root; half a minute)
	deploy/demo

tour: deps all ## two masters from a file, changed, killed, explained, accounted for (root; 20 seconds)
	deploy/tour

test: deps ## run every test (root runs more of them)
	@.ci/test

lint: deps ## check form, go vet and the rules of imports
	@.ci/lint

fuzz: deps ## fuzz every target for FUZZTIME (10s) each
	@.ci/fuzz $(FUZZTIME)

oracle: deps ## record anew what the kernel's own ipvlan driver answers (root; 20 minutes)
	@cmd/ipvconform/oracle

conformance: deps all ## compare ipvd frame by frame with those answers (root; 10 minutes)
	@cmd/ipvconform/conformance

conformance-mutants: deps ## see whether wrong branches of the data plane are noticed
	@go run ./cmd/ipvconform mutants

differential: deps all ## compare ipvd with the driver on random frames (SEED=1 FRAMES=20000; root; a minute)
	@go build -o bin/ ./cmd/ipvconform
	@CGO_ENABLED=0 go build -o bin/ipvconform-guest ./cmd/ipvconform/guest
	bin/ipvconform differential --seed $(SEED) --frames $(FRAMES) --cases bin/cases

bench: deps all ## measure against C, testpmd and Open vSwitch (5 minutes, QUICK=1: one); see perf/README.md
	go build -o bin/perf ./perf
	bin/perf

bench-deps: ## install the peers that Debian has
	@deploy/bench-deps

vmtest: all ## run ipvd on e1000, e1000e, vmxnet3 and virtio-net in a virtual machine (root; 3 minutes, 15 on a busy machine)
	@deploy/vmtest-deps
	@deploy/vmtest

clean: ## remove what was built
	rm -rf bin

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
