# What one does here every day; `just` lists it.

default:
    @just --list

# Format, lints, licences: everything that reads the code and runs nothing.
check:
    cargo fmt --check
    cargo clippy --locked --all-targets -- -D warnings
    cargo deny --locked check bans licenses sources

# All tests on SQLite, and on PostgreSQL where its binaries are installed.
test *ARGS:
    cargo test --locked {{ARGS}}

# A release build against identity providers and service providers that are not ours; see tests/interop/README.md.
interop *ARGS:
    cargo build --release --locked
    tests/interop/install
    tests/interop/run {{ARGS}}

# CPU time per login.
bench *ARGS:
    cargo bench --locked {{ARGS}}

# Verification of SAML responses against python3-saml and node-saml on the same documents.
bench-peers:
    benches/peers/install
    benches/peers/run

# Broker, sample identity providers and sample application, ready to click.
demo *ARGS:
    cargo run --release --locked -- demo {{ARGS}}

# What a change must pass.
ci:
    .ci/run
