# One image for each program: docker build --target gatehouse|warehouse|accounting|sales|identity|tools .
# scripts/images builds them all, with the labels. Works with BuildKit and with the builder before it.
#
# Layers from rare to frequent change: packages, dependencies, our code, labels.

FROM swift:6.3.1-bookworm AS toolchain
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libargon2-dev libnghttp2-dev libpq-dev libssl-dev zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /gatehouse

# A package with the dependencies of Package.swift and what our programs use of them, and nothing of ours: a new target
# leaves it as it is, and with it the layer that is built from it.
FROM toolchain AS manifest
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
COPY Package.swift /tmp/
RUN mkdir -p /manifest/Sources/Dependencies && touch /manifest/Sources/Dependencies/Empty.swift \
    && { head -n 1 /tmp/Package.swift \
        && printf 'import PackageDescription\nlet package = Package(\n    name: "gatehouse",\n' \
        && sed -n '/^let package = /,$p' /tmp/Package.swift | sed -n '/^    dependencies: \[/,/^    \],/p' \
        && printf '    targets: [.target(name: "Dependencies", dependencies: [\n' \
        && sed '/^let .*[tT]est.*: /,/^\]/d' /tmp/Package.swift | grep -o '\.product(name: "[^"]*", package: "[^"]*")' | sort -u | sed 's/$/,/' \
        && printf '    ])])\n'; \
    } > /manifest/Package.swift

# In an archive, because it keeps the nanoseconds of files' times: a layer need not, and then all is built again.
FROM toolchain AS dependencies
COPY --from=manifest /manifest ./
ARG JOBS=
RUN swift build --configuration release --static-swift-stdlib ${JOBS:+--jobs "$JOBS"} \
    && tar --create --format=posix --file build.tar .build && rm -r .build Package.swift Sources

FROM dependencies AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ARG JOBS=
COPY Package.swift ./
COPY Sources Sources
# The tests' folders only have to be there. Strip: symbols are half of a static Swift program. What a crash needs is in the
# build's own directory.
RUN tar --extract --file build.tar && rm build.tar \
    && swift package dump-package | sed -n 's/\\//g; s/.*"path" : "\(Tests.*\)".*/\1/p' | xargs mkdir -p /programs \
    && for program in gatehouse warehouse-service accounting-service sales-service \
        identity-service; do \
        swift build --configuration release --static-swift-stdlib ${JOBS:+--jobs "$JOBS"} --product "$program" \
            && strip --strip-all -o "/programs/$program" ".build/release/$program" || exit 1; \
    done

# What every program needs at run time. The user is a number: Kubernetes can then see that it is not root. Not every base
# empties the cache of apt by itself, and it is 80 MB.
FROM debian:bookworm-slim AS runtime
LABEL org.opencontainers.image.source="https://github.com/gatehouse/gatehouse" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.vendor="Gatehouse"
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libssl3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
WORKDIR /
USER 10001:10001

FROM runtime AS service
USER 0:0
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libpq5 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
USER 10001:10001
ENV HTTP_ADDRESS=0.0.0.0 MANAGEMENT_ADDRESS=0.0.0.0 MANAGEMENT_PORT=9090
EXPOSE 9090

FROM service AS warehouse
COPY --from=build /programs/warehouse-service /usr/local/bin/
ENTRYPOINT ["warehouse-service"]
CMD ["serve"]
EXPOSE 8081
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="warehouse" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"

FROM service AS accounting
COPY --from=build /programs/accounting-service /usr/local/bin/
ENTRYPOINT ["accounting-service"]
CMD ["serve"]
EXPOSE 8082
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="accounting" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"

FROM service AS sales
COPY --from=build /programs/sales-service /usr/local/bin/
ENTRYPOINT ["sales-service"]
CMD ["serve"]
EXPOSE 8083
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sales" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"

# Argon2 for passwords.
FROM service AS identity
USER 0:0
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libargon2-1 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
USER 10001:10001
COPY --from=build /programs/identity-service /usr/local/bin/
ENTRYPOINT ["identity-service"]
CMD ["serve"]
EXPOSE 8084
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="identity" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"

# curl, and a shell to use it from: for `helm test` and `scripts/cluster traffic`.
FROM runtime AS tools
USER 0:0
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends curl \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
USER 10001:10001
ENTRYPOINT ["curl"]
CMD ["--help"]
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tools" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"

# The last stage is what `docker build .` without --target makes.
FROM runtime AS gatehouse
COPY --from=build /programs/gatehouse /usr/local/bin/
ENTRYPOINT ["gatehouse"]
CMD ["run", "--config", "/etc/gatehouse/documents", "--management", "0.0.0.0:9090"]
EXPOSE 8080 8443 9090
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gatehouse" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"
