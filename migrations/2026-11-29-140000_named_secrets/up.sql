-- A code names its grant, a cookie its session, a `state` its login: none of them is looked up by itself any more.
-- An index of random texts is what a database writes most for. Of a person's grants only those are looked for by the
-- person that outlive their session; the others are found by it. (Neither database can drop a UNIQUE that has no name.)
CREATE TABLE grants_next (
    id TEXT PRIMARY KEY NOT NULL,
    code TEXT NOT NULL,
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
INSERT INTO grants_next (id, code, client_id, user_id, session_id, request, code_expires_at, redeemed_at, revoked_at, expires_at, offline, jkt)
    SELECT id, code, client_id, user_id, session_id, request, code_expires_at, redeemed_at, revoked_at, expires_at, offline, jkt FROM grants;
DROP TABLE grants;
ALTER TABLE grants_next RENAME TO grants;
CREATE INDEX grants_session ON grants (session_id);
CREATE INDEX grants_expiry ON grants (expires_at);
CREATE INDEX grants_offline ON grants (user_id) WHERE offline IS NOT NULL;

CREATE TABLE logins_next (
    id TEXT PRIMARY KEY NOT NULL,
    binding TEXT NOT NULL,
    upstream_state TEXT,
    handle TEXT,
    body TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO logins_next (id, binding, upstream_state, handle, body, expires_at)
    SELECT id, binding, upstream_state, handle, body, expires_at FROM logins;
DROP TABLE logins;
ALTER TABLE logins_next RENAME TO logins;
CREATE INDEX logins_expiry ON logins (expires_at);

CREATE TABLE browser_sessions_next (
    id TEXT PRIMARY KEY NOT NULL,
    cookie TEXT NOT NULL,
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
INSERT INTO browser_sessions_next
    (id, cookie, user_id, idp, auth_time, amr, acr, upstream, created_at, used_at, expires_at, ended_at, upstream_key)
    SELECT id, cookie, user_id, idp, auth_time, amr, acr, upstream, created_at, used_at, expires_at, ended_at, upstream_key
    FROM browser_sessions;
DROP TABLE browser_sessions;
ALTER TABLE browser_sessions_next RENAME TO browser_sessions;
CREATE INDEX browser_sessions_user ON browser_sessions (user_id);
CREATE INDEX browser_sessions_expiry ON browser_sessions (expires_at);
CREATE INDEX browser_sessions_upstream ON browser_sessions (upstream_key);

-- Nobody looks for the traces of a login; they are found by their reference.
DROP INDEX traces_login;
