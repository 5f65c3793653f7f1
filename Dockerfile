# Pillion's image: Node and two files. Nothing in it needs a shell, a writable file system or a certain user.
#   make image                                            dist/pillion.mjs is made first
#   docker build --build-arg BASE_IMAGE=… --tag pillion .
# Any image with Node 24 will do as a base: node:24-bookworm-slim has it in /usr/local/bin, distroless ones in /nodejs/bin.
ARG BASE_IMAGE=node:24-bookworm-slim
FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="Pillion" \
      org.opencontainers.image.description="Injects Istio's proxy as a Kubernetes native sidecar" \
      org.opencontainers.image.licenses="Apache-2.0"
# the threads of Node share two heaps: with one for each, a webhook takes 6 MB more for what they let go of
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/nodejs/bin
COPY dist/pillion* /pillion/
USER 65532:65532
# 15017 admission, 15014 probes and metrics
EXPOSE 15017 15014
# what the compiler made of the file is kept: a fresh process answers a fifth sooner. On another kind of CPU, or with
# another user, Node leaves it aside
ENV NODE_COMPILE_CACHE=/tmp/pillion
RUN ["node", "--max-semi-space-size=4", "--min-semi-space-size=4", "--no-parallel-scavenge", "/pillion/pillion.mjs", "--version"]
# the flags of the script "pillion" in package.json; NODE_OPTIONS refuses two of them
ENTRYPOINT ["node", "--max-semi-space-size=4", "--min-semi-space-size=4", "--no-parallel-scavenge", "/pillion/pillion.mjs"]
