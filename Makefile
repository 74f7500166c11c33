# setup, demo, bench and the tests install what is missing: see scripts/setup.
FUZZTIME = 10s
# With -short, tests of properties take fewer samples, and the slowest are left out. CI runs make SHORT= test. Results are never taken from Go's
# cache, which does not know that tests build and run the programs.
SHORT = -short
# Most of the many processes are short, and done before their garbage matters.
QUICK = $(if $(SHORT),GOGC=400)
# The slowest packages start first, or they would run alone at the end. They wait more than they compute.
SLOWEST = ./cmd/snap-store-proxy ./internal/e2e
QEMU = $$(command -v qemu-aarch64-static || command -v qemu-aarch64)

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
	$(QUICK) scripts/inmemory go test -count=1 -timeout 20m -p $(if $(SHORT),3,2) -parallel 4 $(SHORT) $(SLOWEST) ./... $(TESTFLAGS)
	cd deploy && go test -count=1 $(SHORT) ./... $(TESTFLAGS)

# The packages that laptops run, built for other systems: under Wine, and under QEMU, which can't start the processes of some tests.
test-windows:
	@scripts/setup windows
	scripts/test-windows $(TESTFLAGS) ./blob ./keyring ./exporter ./bundle ./cmd/internal/cli ./cmd/store-admin

test-arm64:
	@scripts/setup arm64
	GOARCH=arm64 CGO_ENABLED=0 go test -short -exec "$(QEMU) -cpu cortex-a72" $(TESTFLAGS) ./keccak # has no instructions for SHA-3
	GOARCH=arm64 CGO_ENABLED=0 go test -short -timeout 30m -exec "$(QEMU) -cpu max" \
		-skip 'TestKill|TestPartialIsLocked|TestModesWhateverTheUmask' $(TESTFLAGS) ./keccak ./blob ./assertion ./bundle

bench: build
	@scripts/setup bench
	go run ./internal/bench

deb:
	scripts/deb dist

# An OCI image of snap-store-proxy, for docker load, podman load, skopeo or containerd.
image:
	scripts/image dist

man: build
	for p in store-admin snap-store-proxy; do bin/$$p man bin/man; done

lint:
	@scripts/lint

fuzz:
	@scripts/fuzz $(FUZZTIME)

.PHONY: build setup demo test test-windows test-arm64 bench deb image man lint fuzz
