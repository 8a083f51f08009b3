CREATE TABLE grants_before (
    id TEXT PRIMARY KEY NOT NULL,
    code TEXT NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    request TEXT NOT NULL,
    code_expires_at BIGINT NOT NULL,
    redeemed_at BIGINT,
    revoked_at BIGINT,
    expires_at BIGINT NOT NULL,
    offline TEXT,
    jkt TEXT
);
INSERT INTO grants_before (id, code, client_id, user_id, session_id, request, code_expires_at, redeemed_at, revoked_at, expires_at, offline, jkt)
    SELECT id, code, client_id, user_id, session_id, request, code_expires_at, redeemed_at, revoked_at, expires_at, offline, jkt FROM grants;
DROP TABLE grants;
ALTER TABLE grants_before RENAME TO grants;
CREATE INDEX grants_session ON grants (session_id);
CREATE INDEX grants_expiry ON grants (expires_at);
CREATE INDEX grants_user ON grants (user_id);

CREATE TABLE logins_before (
    id TEXT PRIMARY KEY NOT NULL,
    binding TEXT NOT NULL,
    upstream_state TEXT UNIQUE,
    handle TEXT,
    body TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO logins_before (id, binding, upstream_state, handle, body, expires_at)
    SELECT id, binding, upstream_state, handle, body, expires_at FROM logins;
DROP TABLE logins;
ALTER TABLE logins_before RENAME TO logins;
CREATE INDEX logins_expiry ON logins (expires_at);

CREATE TABLE browser_sessions_before (
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
    ended_at BIGINT,
    upstream_key TEXT
);
INSERT INTO browser_sessions_before
    (id, cookie, user_id, idp, auth_time, amr, acr, upstream, created_at, used_at, expires_at, ended_at, upstream_key)
    SELECT id, cookie, user_id, idp, auth_time, amr, acr, upstream, created_at, used_at, expires_at, ended_at, upstream_key
    FROM browser_sessions;
DROP TABLE browser_sessions;
ALTER TABLE browser_sessions_before RENAME TO browser_sessions;
CREATE INDEX browser_sessions_user ON browser_sessions (user_id);
CREATE INDEX browser_sessions_expiry ON browser_sessions (expires_at);
CREATE INDEX browser_sessions_upstream ON browser_sessions (upstream_key);
CREATE INDEX traces_login ON traces (login);
