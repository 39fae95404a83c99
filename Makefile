# Everything that reaches RocksDB goes through here: one profile (release) and one target directory outside the clone,
# so that its C++ is compiled once and clones, lints, tests and benches share it.
CACHE ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/kbox
export CARGO_TARGET_DIR ?= $(CACHE)/target
# A pipe fails when any part of it does.
SHELL = bash
.SHELLFLAGS = -euo pipefail -c

ROCKSDB_SYS := $(shell sed -n '/^name = "librocksdb-sys"/{n;s/version = "\(.*\)"/\1/p;}' Cargo.lock)
# Its checksums by the processor's own instructions, which every x86-64 one has since 2011; compiled without, they cost as much
# as a tenth of a commit. They are in the library's name, since an older library may be there.
ROCKSDB_FLAGS := -msse4.2 -mpclmul
ROCKSDB_LIB := $(CACHE)/rocksdb-$(ROCKSDB_SYS)$(subst $(eval) ,,$(ROCKSDB_FLAGS))

# The static library is kept under its version: other feature sets of unrelated crates change cargo's fingerprint of
# librocksdb-sys, and would compile it anew.
CARGO = ROCKSDB_LIB_DIR=$(ROCKSDB_LIB) ROCKSDB_STATIC=1 cargo

.PHONY: rocksdb
rocksdb: $(ROCKSDB_LIB)/librocksdb.a

$(ROCKSDB_LIB)/librocksdb.a:
	@echo "== RocksDB: compiling its C++ once (about eight minutes on two cores); kept in $(ROCKSDB_LIB)"
	CXXFLAGS_x86_64_unknown_linux_gnu="$(ROCKSDB_FLAGS)" cargo build --release --locked -p librocksdb-sys
	@mkdir -p $(ROCKSDB_LIB)
	cp "$$(ls -t $(CARGO_TARGET_DIR)/release/build/librocksdb-sys-*/out/librocksdb.a | head -n 1)" $@.part
	mv $@.part $@

# What the binaries and the demonstration need, and what the tests need beside it.
BUILD_PACKAGES = libclang-dev openssl
TEST_PACKAGES = ca-certificates libssl-dev poppler-utils jq python3 python3-venv chrony curl default-jdk-headless libbcprov-java libbcpkix-java libbcutil-java golang-go golang-golang-x-mod-dev strace

# Verifiers of timestamps that others wrote in Python, in an environment of their own.
PEERS = $(CACHE)/peers

# A witness in Python, which wants 3.12 or later: where there is none, its test says that it is skipped.
WITNESS_PEER = $(PEERS)-witness
PYTHON312 ?= $(shell for python in python3.14 python3.13 python3.12 python3 $(wildcard $(HOME)/.pyenv/versions/3.1[2-9]*/bin/python); do \
  $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1 && { echo $$python; break; }; done)

.PHONY: setup build demo serve test lint doc no-std pure help

help:
	@echo "make demo    one convocation proven end to end, in $(DEMO)"
	@echo "make serve   a server with the demonstration's data, to click around in"
	@echo "make test    every check and test, with all set-up they need"
	@echo "make power   cuts the power of a guest that records (docs/testing.md)"
	@echo "make bench   rates of tokens, answers, receipts and verifications, as ratios (docs/performance.md); one: BENCH=growth ARGS=..."
	@echo "make build   the binaries alone"

# Where the demonstration keeps its data.
DEMO ?= kbox-demo
BIN = $(CARGO_TARGET_DIR)/release

# Shell that prints what is missing. libclang is what RocksDB's bindings are generated with.
MISSING_TOOLS = for tool in $(1); do PATH="$$PATH:/usr/sbin" command -v $$tool >/dev/null || echo $$tool; done
MISSING_CLANG = [ -n "$$(find -L /usr/lib /usr/lib64 /usr/local/lib -maxdepth 4 -name 'libclang.so*' -o -maxdepth 4 -name 'libclang-[0-9]*.so*' 2>/dev/null | head -n 1)" ] || echo libclang
MISSING_JARS = for jar in bcprov bcpkix bcutil; do [ -f /usr/share/java/$$jar.jar ] || echo $$jar.jar; done
MISSING_GO = [ -d /usr/share/gocode/src/golang.org/x/mod ] || echo golang.org/x/mod
MISSING_ROOTS = [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -d /etc/pki ] || echo ca-certificates
MISSING_VENV = python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
# OpenSSL's headers are for the peer of the benches.
MISSING_HEADERS = echo '\#include <openssl/ts.h>' | $(CC) -E - >/dev/null 2>&1 || echo openssl/ts.h

# Installs packages when the shell in the second argument prints anything.
define install
@missing="$$($(2))"; if [ -z "$$missing" ]; then :; \
elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
  echo "== installing $(1)"; apt-get update -qq && apt-get install -y -qq --no-install-recommends $(1); \
else echo "Missing:" $$missing". Please install (Debian: apt-get install --no-install-recommends $(1)) and run make again." >&2; exit 1; fi
endef

setup: packages $(PEERS)/requirements.txt $(if $(PYTHON312),$(WITNESS_PEER)/witness-requirements.txt)

.PHONY: build-packages packages
build-packages:
	$(call install,$(BUILD_PACKAGES),$(call MISSING_TOOLS,openssl); $(MISSING_CLANG))

packages: build-packages
	$(call install,$(TEST_PACKAGES),$(call MISSING_TOOLS,pdftotext jq python3 chronyd curl javac go strace); $(MISSING_JARS); $(MISSING_GO); $(MISSING_VENV); $(MISSING_ROOTS); $(MISSING_HEADERS))

# Versions and hashes are those of the file; the copy beside the environment says which it holds.
$(PEERS)/requirements.txt: tests/peers/requirements.txt | packages
	@echo "== Python verifiers of timestamps, in $(PEERS)"
	rm -rf $(PEERS)
	python3 -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	cp $< $@

$(WITNESS_PEER)/witness-requirements.txt: tests/peers/witness-requirements.txt | packages
	@echo "== a witness in Python, in $(WITNESS_PEER)"
	rm -rf $(WITNESS_PEER)
	$(PYTHON312) -m venv $(WITNESS_PEER)
	$(WITNESS_PEER)/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	cp $< $@

build: build-packages rocksdb
	$(CARGO) build --release --locked --workspace
	@echo "== kbox-server and kbox-verify are in $(BIN)"

demo: build
	$(BIN)/kbox-server demo --data $(DEMO) $(if $(COMMUNE),--commune $(COMMUNE))

serve: build
	@test -f $(DEMO)/VERSION || $(BIN)/kbox-server demo --data $(DEMO)
	@for key in $(DEMO)/cle-du-secretariat-*; do echo "Secretariat's key, commune $${key##*-}: $$(cat $$key)"; done
	$(BIN)/kbox-server serve --data $(DEMO)

lint: setup rocksdb
	@echo "== format, lints"
	cargo fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings
	cargo clippy --release --locked -p kbox-proof --no-default-features -- -D warnings

doc: setup rocksdb
	@echo "== documentation"
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --locked --workspace --no-deps

no-std:
	@echo "== kbox-proof without default features links nothing of std"
	cd tests/no-std && cargo check --locked

pure:
	@echo "== kbox-proof with default features holds no C"
	@if cargo tree --locked -p kbox-proof -e normal,build -i cc >/dev/null 2>&1; then \
	  cargo tree --locked -p kbox-proof -e normal,build -i cc; echo "kbox-proof's default build must not compile C" >&2; exit 1; fi

test: lint doc no-std pure
	@echo "== tests of the pure half alone"
	cargo test --release --locked -p kbox-proof
	@echo "== verification by aws-lc-rs: the same tests, tokens and vectors"
	cargo test --release --locked -p kbox-proof --features issue,aws-lc-rs --lib tsp::
	cargo test --release --locked -p kbox-proof --features issue,aws-lc-rs --test tsp_vectors --test tsp_faults --test tsp_openssl --test revocation --test verify
	@echo "== binaries, for the end-to-end tests"
	$(CARGO) build --release --locked --workspace --bins
	@echo "== tests of everything"
	KBOX_PEERS=$(PEERS) $(CARGO) test --release --locked --workspace 2>&1 | tee $(CARGO_TARGET_DIR)/tests.log
	@if [ "$$(uname -m)" = x86_64 ]; then $(MAKE) power CUTS=4; else echo "skipped: the guest whose power is cut wants an x86-64 kernel"; fi
	@awk '/^vectors: /{run += $$2; skipped += $$4} END{printf "vectors: %d run, %d skipped\n", run, skipped}' $(CARGO_TARGET_DIR)/tests.log

# The same faults as `make test` injects, and many more of them.
.PHONY: faults
FAULTS ?= 1000
faults: setup rocksdb
	KBOX_FAULTS=$(FAULTS) $(CARGO) test --release --locked -p kbox-store --test faults -- --nocapture
	KBOX_KILLS=$(FAULTS) $(CARGO) test --release --locked -p kbox-store --test ledger sigkill_at_random -- --nocapture

# A guest whose power is cut. Emulated, so nothing but packages is needed of this machine; the kernel is unpacked, not installed.
POWER_PACKAGES = qemu-system-x86 qemu-utils busybox-static cpio e2fsprogs
POWER = $(CACHE)/power
CUTS ?= 10

.PHONY: power power-packages
power: setup rocksdb power-packages $(POWER)/vmlinuz
	@echo "== cutting the power $(CUTS) times"
	KBOX_POWER=$(POWER) KBOX_POWER_CUTS=$(CUTS) $(CARGO) test --release --locked -p kbox-store --test power -- --nocapture

power-packages: | packages
	$(call install,$(POWER_PACKAGES),$(call MISSING_TOOLS,qemu-system-x86_64 qemu-img busybox cpio mkfs.ext4))

$(POWER)/vmlinuz: | power-packages
	@echo "== a kernel for the guest, in $(POWER)"
	rm -rf $(POWER)
	mkdir -p $(POWER)
	cd $(POWER) && apt-get download -qq "$$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: //p' | head -n 1)" \
	  && dpkg -x linux-image-*.deb unpacked && rm linux-image-*.deb
	mv $(POWER)/unpacked/lib/modules/*/kernel $(POWER)/kernel
	mv $(POWER)/unpacked/boot/vmlinuz-* $@
	rm -rf $(POWER)/unpacked

.PHONY: bench
bench: setup rocksdb $(CARGO_TARGET_DIR)/peers/openssl_tsa
	$(CARGO) build --release --locked -p kbox-server
ifdef BENCH
	$(CARGO) bench --locked -p kbox-benches --bench $(BENCH) -- $(ARGS)
else
	$(CARGO) bench --locked -p kbox-benches
	$(CARGO) bench --locked -p kbox-benches --features aws-lc-rs --bench verify
endif

$(CARGO_TARGET_DIR)/peers/%: benches/peers/%.c
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -Wall -Wextra -Werror -o $@ $< -lcrypto

# Needs nightly and cargo-fuzz, so no part of `make test`, which replays the same properties on stable.
.PHONY: fuzz
SECONDS_EACH ?= 60
fuzz:
	KBOX_FUZZ_CORPUS=$(CURDIR)/fuzz/corpus cargo test --release --locked -p kbox-proof --test fuzz_replay
	cd fuzz && for target in $$(cargo +nightly fuzz list); do echo "== $$target"; \
	  env -u CARGO_TARGET_DIR cargo +nightly fuzz run $$target -- -max_total_time=$(SECONDS_EACH) -malloc_limit_mb=256 || exit 1; done
