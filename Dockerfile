# syntax=docker/dockerfile:1
# Medict as a container: one binary, no shell needed, an unprivileged user, everything that changes under /var/lib/medict.

FROM rust:1.95-slim-bookworm AS build
# OpenSSL, SQLite and libpq are built from source: that takes a C compiler, perl and make.
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev make perl \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin medict \
 && install -D -s target/release/medict /out/medict

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /var/lib/medict --shell /usr/sbin/nologin medict \
 && install -d -o medict -g medict -m 0700 /var/lib/medict
COPY --from=build /out/medict /usr/local/bin/medict
COPY LICENSE-APACHE LICENSE-MIT /usr/share/doc/medict/

# The built-in OpenSSL does not know where Debian keeps the system's roots.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    MEDICT_DATA_DIR=/var/lib/medict \
    MEDICT_LISTEN=0.0.0.0:8080
USER 10001
VOLUME /var/lib/medict
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["/usr/local/bin/medict", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/medict"]
CMD ["serve"]
