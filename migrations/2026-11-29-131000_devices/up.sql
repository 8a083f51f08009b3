-- Devices that wait until a person lets them in (RFC 8628).
CREATE TABLE devices (
    -- Digest of the device code.
    device TEXT PRIMARY KEY NOT NULL,
    -- What the person types, without its dash.
    user_code TEXT UNIQUE NOT NULL,
    client_id TEXT NOT NULL,
    request TEXT NOT NULL,
    -- Seconds between two polls, and when the last one was.
    pace BIGINT NOT NULL,
    polled_at BIGINT NOT NULL,
    -- When the person decided; and, if in favour, the grant.
    decided_at BIGINT,
    grant_id TEXT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX devices_expiry ON devices (expires_at);
