# One image for each program: docker build --target gatehouse|warehouse|accounting|sales|tools .
# scripts/images builds them all, with the labels. Works with BuildKit and with the builder before it.
#
# Layers from rare to frequent change: packages, dependencies (Package.swift), our code, labels.

FROM swift:6.3.1-bookworm AS toolchain
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libnghttp2-dev libpq-dev libssl-dev zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /gatehouse

# The dependencies alone: every target of ours is a single empty file here, so a change of our code leaves this layer.
FROM toolchain AS dependencies
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
COPY Package.swift ./
COPY Sources/C Sources/C
RUN swift package resolve \
    && swift package dump-package | sed -n 's/\\//g; s/.*"path" : "\(.*\)".*/\1/p' | grep -E '^(Sources|Tests)/' \
        | grep -v '^Sources/C/' | while read -r folder; do \
            mkdir -p "$folder/Migrations" && touch "$folder/Migrations/none.sql"; \
            case $folder in \
                Sources/Executables/*) echo '@main struct Stub { static func main() {} }' ;; \
                *) echo '// stands for the target' ;; \
            esac > "$folder/ImageStub.swift"; \
        done
ARG JOBS=
RUN for program in gatehouse gatehouse-dev warehouse-service accounting-service sales-service; do \
        swift build --configuration release --static-swift-stdlib ${JOBS:+--jobs "$JOBS"} --product "$program" || exit 1; \
    done \
    && find Sources Tests -name ImageStub.swift -delete && find Sources -name none.sql -delete

FROM dependencies AS build
ARG JOBS=
COPY Sources Sources
# Strip: symbols are half of a static Swift program. What a crash needs is in the build's own directory.
RUN mkdir -p /programs \
    && for program in gatehouse gatehouse-dev warehouse-service accounting-service sales-service; do \
        swift build --configuration release --static-swift-stdlib ${JOBS:+--jobs "$JOBS"} --product "$program" \
            && strip --strip-all -o "/programs/$program" ".build/release/$program" || exit 1; \
    done

# What every program needs at run time. The user is a number: Kubernetes can then see that it is not root.
FROM debian:bookworm-slim AS runtime
LABEL org.opencontainers.image.source="https://github.com/gatehouse/gatehouse" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.vendor="Gatehouse"
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libssl3 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /
USER 10001:10001

FROM runtime AS service
USER 0:0
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libpq5 \
    && rm -rf /var/lib/apt/lists/*
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

# Keys and tokens for trying the system out, and curl to try it with: for `helm test`, never beside real data.
FROM runtime AS tools
USER 0:0
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends curl \
    && rm -rf /var/lib/apt/lists/*
USER 10001:10001
COPY --from=build /programs/gatehouse-dev /usr/local/bin/
ENTRYPOINT ["gatehouse-dev"]
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
