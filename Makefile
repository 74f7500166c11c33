# setup, demo, test and bench install what is missing: see scripts/setup.
FUZZTIME = 10s
# With -short, tests of properties take fewer samples, and the slowest are left out. CI runs make SHORT= test.
SHORT = -short

build:
	go build -o bin/ ./cmd/store-admin ./cmd/snap-store-proxy
	ln -sf snap-store-proxy bin/snap-proxy
	ln -sf snap-store-proxy bin/enterprise-store

setup:
	@scripts/setup demo test

demo: build
	@scripts/setup demo
	go run ./internal/demo

test:
	@scripts/setup test
	scripts/inmemory go test -timeout 20m -p 2 -parallel 4 $(SHORT) ./... $(TESTFLAGS)

bench: build
	@scripts/setup bench
	go run ./internal/bench

deb:
	scripts/deb dist

man: build
	for p in store-admin snap-store-proxy; do bin/$$p man bin/man; done

lint:
	@scripts/lint

fuzz:
	@scripts/fuzz $(FUZZTIME)

.PHONY: build setup demo test bench deb man lint fuzz
