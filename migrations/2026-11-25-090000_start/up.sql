-- One set of statements for SQLite and PostgreSQL: text, whole numbers, truth values, nothing else.
-- Times are seconds since 1970; documents are JSON; secrets are sealed text.

CREATE TABLE changes (
    topic TEXT PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL
);
INSERT INTO changes (topic, version) VALUES ('configuration', 0);
INSERT INTO changes (topic, version) VALUES ('keys', 0);

-- Whether the master key is the one this database was made with.
CREATE TABLE seals (
    name TEXT PRIMARY KEY NOT NULL,
    sealed TEXT NOT NULL
);

-- Configuration documents: Organization, IdentityProvider, ClientApplication, Role.
CREATE TABLE resources (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    deleted BOOLEAN NOT NULL,
    body TEXT NOT NULL,
    secret TEXT,
    PRIMARY KEY (kind, id)
);
CREATE INDEX resources_changed ON resources (changed);

CREATE TABLE users (
    id TEXT PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    last_login_at BIGINT,
    active BOOLEAN NOT NULL,
    username TEXT,
    email TEXT,
    email_verified BOOLEAN NOT NULL,
    -- Lower case, unique; only for accounts that were made here, not for those a provider named.
    login_name TEXT UNIQUE,
    login_email TEXT UNIQUE,
    name TEXT NOT NULL,
    profile TEXT,
    password_hash TEXT
);
CREATE INDEX users_email ON users (email);

CREATE TABLE links (
    idp TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (idp, subject)
);
CREATE INDEX links_user ON links (user_id);

CREATE TABLE user_roles (
    id TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    role_id TEXT NOT NULL,
    -- '' is everywhere.
    organization_id TEXT NOT NULL,
    -- '' is by hand or by file; otherwise the provider whose rules gave it.
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (user_id, role_id, organization_id, source)
);

CREATE TABLE logins (
    id TEXT PRIMARY KEY NOT NULL,
    -- Digest of the cookie of the browser that began it.
    binding TEXT NOT NULL,
    -- `RelayState` or `state` towards the provider.
    upstream_state TEXT UNIQUE,
    -- Digest of the one-time handle that a proven login waits with.
    handle TEXT,
    body TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX logins_expiry ON logins (expires_at);

CREATE TABLE browser_sessions (
    id TEXT PRIMARY KEY NOT NULL,
    cookie TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL,
    idp TEXT,
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    acr TEXT,
    upstream TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX browser_sessions_user ON browser_sessions (user_id);
CREATE INDEX browser_sessions_expiry ON browser_sessions (expires_at);

CREATE TABLE grants (
    id TEXT PRIMARY KEY NOT NULL,
    code TEXT NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    request TEXT NOT NULL,
    code_expires_at BIGINT NOT NULL,
    redeemed_at BIGINT,
    revoked_at BIGINT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX grants_session ON grants (session_id);
CREATE INDEX grants_expiry ON grants (expires_at);

CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY NOT NULL,
    purpose TEXT NOT NULL,
    alg TEXT NOT NULL,
    state TEXT NOT NULL,
    sealed TEXT NOT NULL,
    certificate TEXT,
    created_at BIGINT NOT NULL,
    state_since BIGINT NOT NULL
);

CREATE TABLE replays (
    digest TEXT PRIMARY KEY NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX replays_expiry ON replays (expires_at);

CREATE TABLE traces (
    reference TEXT PRIMARY KEY NOT NULL,
    login TEXT,
    at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    idp TEXT,
    client_id TEXT,
    user_id TEXT,
    body TEXT NOT NULL
);
CREATE INDEX traces_at ON traces (at);
CREATE INDEX traces_login ON traces (login);

CREATE TABLE throttles (
    subject TEXT PRIMARY KEY NOT NULL,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL
);
CREATE INDEX throttles_last ON throttles (last_at);

-- One-time links to set a password.
CREATE TABLE invitations (
    digest TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE TABLE audit_heads (
    node TEXT PRIMARY KEY NOT NULL,
    opened_at BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    hash TEXT NOT NULL,
    signature TEXT NOT NULL
);

CREATE TABLE audit_records (
    node TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (node, sequence)
);
CREATE INDEX audit_records_at ON audit_records (at);

-- The last good metadata of providers that publish theirs by URL.
CREATE TABLE fetched (
    idp TEXT PRIMARY KEY NOT NULL,
    url TEXT NOT NULL,
    fetched_at BIGINT NOT NULL,
    body TEXT NOT NULL
);
