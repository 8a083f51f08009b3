-- What lets an application register itself: given out by an administrator, good for some registrations.
CREATE TABLE registration_tokens (
    -- Digest of the initial access token (RFC 7591 §3).
    digest TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    -- Where the applications will belong; empty: nowhere.
    organization TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    uses_left BIGINT NOT NULL
);

-- Applications that registered themselves.
CREATE TABLE registrations (
    client_id TEXT PRIMARY KEY NOT NULL,
    -- Digest of the registration access token (RFC 7592 §3).
    digest TEXT NOT NULL,
    registered_at BIGINT NOT NULL,
    -- By which token, in its administrator's words.
    token TEXT NOT NULL
);
