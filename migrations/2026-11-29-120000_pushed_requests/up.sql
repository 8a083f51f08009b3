-- Authorization requests that applications pushed (RFC 9126), by the digest of their request_uri, for the
-- minute and a half until a browser comes with it.
CREATE TABLE pushed_requests (
    digest TEXT PRIMARY KEY NOT NULL,
    client_id TEXT NOT NULL,
    body TEXT NOT NULL,
    -- Digest of the cookie of the first browser that came; nobody else's counts from then on.
    browser TEXT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX pushed_requests_expiry ON pushed_requests (expires_at);
