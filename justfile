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

# CPU time per login; `--bench main_job -- --peer`: oidc-provider beside it; `--bench floods`: the most expensive inputs.
bench *ARGS:
    cargo bench --locked {{ARGS}}

# Verification of SAML responses against python3-saml and node-saml on the same documents.
bench-peers:
    benches/peers/install
    benches/peers/run

# Writes docs/saml-attacks.md from tests/sp_responses.
saml-attacks:
    MEDICT_WRITE_PAGES=1 cargo test --locked --lib sp::tests::page

# Our canonical XML against libxml2 (libxml2.so.2, Python) and a crate, a hundred thousand documents.
c14n DOCUMENTS="100000":
    MEDICT_C14N_PYTHON=python3 MEDICT_C14N_DOCUMENTS={{DOCUMENTS}} cargo test --locked --lib sp::c14n

# Our parser against roxmltree, on so many documents and as many damaged ones.
xml DOCUMENTS="100000":
    MEDICT_XML_DOCUMENTS={{DOCUMENTS}} cargo test --locked --lib sp::xml

# Each fuzz target for some seconds; see fuzz/README.md.
fuzz SECONDS="300":
    fuzz/run {{SECONDS}}

# Broker, sample identity providers and sample application, ready to click.
demo *ARGS:
    cargo run --release --locked -- demo {{ARGS}}

# What a change must pass.
ci:
    .ci/run
