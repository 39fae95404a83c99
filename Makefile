# Everything that reaches RocksDB goes through here: one profile (release) and one target directory outside the clone,
# so that its C++ is compiled once and clones, lints, tests and benches share it.
CACHE ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/kbox
export CARGO_TARGET_DIR ?= $(CACHE)/target

ROCKSDB_SYS := $(shell sed -n '/^name = "librocksdb-sys"/{n;s/version = "\(.*\)"/\1/p;}' Cargo.lock)
ROCKSDB_LIB := $(CACHE)/rocksdb-$(ROCKSDB_SYS)

# The static library is kept under its version: other feature sets of unrelated crates change cargo's fingerprint of
# librocksdb-sys, and would compile it anew.
CARGO = ROCKSDB_LIB_DIR=$(ROCKSDB_LIB) ROCKSDB_STATIC=1 cargo

.PHONY: rocksdb
rocksdb: $(ROCKSDB_LIB)/librocksdb.a

$(ROCKSDB_LIB)/librocksdb.a:
	@echo "== RocksDB: compiling its C++ once (about eight minutes on two cores); kept in $(ROCKSDB_LIB)"
	cargo build --release --locked -p librocksdb-sys
	@mkdir -p $(ROCKSDB_LIB)
	cp "$$(ls -t $(CARGO_TARGET_DIR)/release/build/librocksdb-sys-*/out/librocksdb.a | head -n 1)" $@.part
	mv $@.part $@
