-- Opaque access tokens by their digest: the claims that a signed one would carry, as JSON.
CREATE TABLE access_tokens (
    digest TEXT PRIMARY KEY NOT NULL,
    claims TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX access_tokens_expiry ON access_tokens (expires_at);
