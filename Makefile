# The tasks of this repository. `make test` is what CI runs (.ci/run); the README tells what each costs.
#
#   make demo                 a canary to production, and two reverts, told with the counts of a user's requests
#   make demo KEEP=1          the same, then says how to look around and stays until Ctrl-C
#   make test                 everything: lint, unit, explore, stories
#   make lint                 format, clippy (warnings denied), cargo-deny
#   make unit                 cargo test --workspace
#   make explore              every interleaving of a small world, and the planted mutants
#   make stories              one story per file on a real API server; STORY=name tells those
#   make bench                how fast exposure falls when a canary fails, by pods and by weight; RUNS=100
#   make manifests            regenerates crds/, the chart's copy of them and config/ from the one source
#   make tools                builds what the above need into the cache, with progress

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

# Built programs live outside the tree, keyed by version.
CACHE := $(or $(WINDLASS_CACHE),$(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME)/windlass),$(HOME)/.cache/windlass)
CARGO_DENY := 0.20.2
DENY := $(CACHE)/cargo-deny-$(CARGO_DENY)/bin/cargo-deny

BIN := $(or $(CARGO_TARGET_DIR),target)/debug
# The whole of the explorer; `cargo test` alone sees a small part of it.
# It keeps the memory that it has: to give it back and ask for it again is a tenth of its time.
EXPLORE ?= MIMALLOC_PURGE_DELAY=-1 cargo test --package windlass --locked --profile explore --features mutants --test explore -- whole

say = @printf '\n==> %s\n' '$(1)'
# One clear line for a missing program: what it is for, and how to get it.
need = command -v $(1) >/dev/null || { echo '$(1) is missing: $(2)' >&2; exit 1; }

.PHONY: help test lint format clippy deny unit explore stories demo bench manifests tools build toolchain

help:
	@sed -n 's/^#  *\(make .*\)/\1/p' Makefile

# One after the other, what fails quickly first.
test: toolchain
	@for part in lint unit explore tools stories; do $(MAKE) --no-print-directory $$part || exit 1; done

toolchain:
	@$(call need,cargo,Rust is built with it; install rustup from https://rustup.rs$(,) rust-toolchain.toml does the rest)
	@$(call need,cc,the crate ring is built with it; install a C compiler: apt-get install gcc$(,) dnf install gcc or xcode-select --install)
	@[ -n "$${KUBERNETES_ASSETS:-}" ] || $(call need,go,the test cluster is built with it; install Go 1.21 or newer from https://go.dev/dl$(,) or set KUBERNETES_ASSETS to a folder of ready programs)

lint: format clippy deny

format: toolchain
	$(call say,format)
	@cargo fmt --all --check

clippy: toolchain
	$(call say,clippy)
	@cargo clippy --workspace --all-targets --locked -- -D warnings

deny: $(DENY)
	$(call say,licences$(,) bans and sources of dependencies)
	@$(DENY) --locked --workspace check bans licenses sources

$(DENY): | toolchain
	$(call say,cargo-deny $(CARGO_DENY) into the cache$(,) once)
	@cargo install --locked cargo-deny --version $(CARGO_DENY) --root $(CACHE)/cargo-deny-$(CARGO_DENY)

unit: toolchain
	$(call say,unit tests)
	@cargo test --workspace --locked

explore: toolchain
	$(call say,explorer)
	@$(EXPLORE)

# One build for all programs, so that there is one feature set and the operator lies beside what starts it.
build: toolchain
	$(call say,build)
	@cargo build --workspace --bins --locked

tools: $(DENY) build
	$(call say,programs of the test cluster)
	@$(BIN)/cluster tools

stories: build
	$(call say,stories)
	@$(BIN)/stories

# Not part of `make test`: what it says depends on the machine.
bench: build
	@$(BIN)/bench

demo: build
	@$(BIN)/demo

# Rendered for Kubernetes 1.36 and newer; the image is named in an overlay, `.invalid` is never pulled.
RENDER = $$($(BIN)/cluster bin helm) template windlass charts/windlass --namespace windlass-system --set image=registry.invalid/windlass-operator:unset

manifests: build
	$(call say,manifests)
	@$(BIN)/crdgen crds
	@rm -f charts/windlass/files/crds/*.yaml
	@cp crds/*.yaml charts/windlass/files/crds/
	@$(RENDER) --set admission.user=stamp > config/base/windlass.yaml
	@$(RENDER) --set admission.user=demand --show-only templates/admission-user.yaml > config/demand/demand.yaml
	@$(RENDER) --set 'targetNamespaces={target}' --show-only templates/rbac-target.yaml > config/target/rolebinding.yaml

# A comma inside a call.
, := ,
