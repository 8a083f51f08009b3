-- Digest of the provider and the person as it names him: how a provider's logout finds the sessions it
-- means. Sessions from before have none, and end by themselves.
ALTER TABLE browser_sessions ADD COLUMN upstream_key TEXT;
CREATE INDEX browser_sessions_upstream ON browser_sessions (upstream_key);

-- Sign-outs of ours that a provider was asked to follow, until it answers.
CREATE TABLE logouts (
    -- The `ID` of our `LogoutRequest`.
    id TEXT PRIMARY KEY NOT NULL,
    idp TEXT NOT NULL,
    -- Digest of the cookie of the browser that signed out.
    binding TEXT NOT NULL,
    -- The registered place to go to afterwards.
    redirect TEXT,
    -- Digest of the one-time handle under which the answer waits.
    handle TEXT UNIQUE,
    -- Why the provider has not signed out everything, by its own word.
    complaint TEXT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX logouts_expiry ON logouts (expires_at);
