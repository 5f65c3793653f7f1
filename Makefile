# Every target sets itself up: packages are installed when package-lock.json is newer than what is installed.
# Programs run through npm, which puts the Node version that package.json pins in front of the machine's own.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
RUN := npm run --silent
export KUBERNETES IMAGE
INSTALLED := node_modules/.package-lock.json

.PHONY: help demo test check golden docs manifests bench build image kind-up kind-demo wasm-demo kind-down e2e clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## inject two pods through a real server on loopback and show them (< 1 min)
	@$(RUN) demo

test: $(INSTALLED) ## lint, types and all tests (< 5 min; < 15 min with KUBEBUILDER_ASSETS, which adds those against an API server)
	@$(RUN) check
	@status=0; $(RUN) test-example || status=$$?; $(RUN) test || status=$$?; \
	for missing in "KUBEBUILDER_ASSETS of a current Kubernetes" "KUBEBUILDER_ASSETS_1_32 of Kubernetes 1.32"; do \
	  variable=$${missing%% *}; \
	  [ -n "$${!variable:-}" ] || echo "Skipped: tests against an API server$${missing#$$variable}; set $$variable to a directory with kube-apiserver, kube-controller-manager, etcd and kubectl (setup-envtest use -p path)"; \
	done; exit $$status

check: $(INSTALLED) ## lint and types only
	@$(RUN) check

golden: $(INSTALLED) ## write the golden files anew; read the difference before committing it
	@$(RUN) golden

docs: $(INSTALLED) ## write the generated pages of docs/ anew
	@$(RUN) docs

manifests: $(INSTALLED) ## write the kustomize base in manifests/ anew
	@$(RUN) manifests

bench: $(INSTALLED) ## measure admission beside a server that does nothing (2 min); ARGS="-o json", ARGS=--soak
	@$(RUN) bench -- $(ARGS)

build: $(INSTALLED) ## bundle the command into dist/pillion.mjs
	@$(RUN) build

image: $(INSTALLED) ## build the container image; IMAGE=name:tag, PILLION_BASE_IMAGE=image with Node 24
	@$(RUN) image

kind-demo: $(INSTALLED) ## show Pillion in a kind cluster with a real mesh (< 4 min once the images are pulled); wants docker, kind, kubectl and helm
	@$(RUN) kind-demo

wasm-demo: $(INSTALLED) ## show Wasm filters in that cluster: signed, delivered, updated, rolled back, refused; wants cosign too
	@$(RUN) wasm-demo

kind-up: $(INSTALLED) ## make that cluster, or bring it up to date; KUBERNETES=1.33 makes another one, of that version
	@$(RUN) kind-up

kind-down: $(INSTALLED) ## remove it; KUBERNETES=1.33 the one of that version
	@$(RUN) kind-down

e2e: $(INSTALLED) ## tests in kind clusters with a real mesh (< 15 min); ARGS=jobs takes the files with that in their path, KEEP=1 keeps the clusters
	@$(RUN) e2e -- $(ARGS)

clean: ## remove what was built and installed
	@rm -rf dist .cache node_modules

# npm writes this file last, so it stands for a complete installation
$(INSTALLED): package-lock.json
	@command -v npm > /dev/null || { echo 'Cannot install packages: npm is not on the PATH; install Node.js, which brings it (https://nodejs.org)' >&2; exit 1; }
	@mkdir -p .cache
	@echo 'Installing packages (npm ci) …' >&2
	@npm ci --no-audit --no-fund --loglevel=error > .cache/npm-ci.log 2>&1 || { cat .cache/npm-ci.log >&2; echo 'Cannot install packages: npm ci failed, see above' >&2; exit 1; }
	@touch $@
