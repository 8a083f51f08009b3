-- Refresh tokens by their digest. One of a grant is good at a time; those before it stay, so that using one
-- again is noticed.
CREATE TABLE refresh_tokens (
    digest TEXT PRIMARY KEY NOT NULL,
    grant_id TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    rotated_at BIGINT,
    -- Sealed; only while the grace lasts.
    successor TEXT
);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);
CREATE INDEX refresh_tokens_sealed ON refresh_tokens (rotated_at) WHERE successor IS NOT NULL;

-- How the person was authenticated; present only where the grant outlives its session.
ALTER TABLE grants ADD COLUMN offline TEXT;
CREATE INDEX grants_user ON grants (user_id);

-- Raised whenever something ends or changes that tokens live by.
INSERT INTO changes (topic, version) VALUES ('revocations', 0);
