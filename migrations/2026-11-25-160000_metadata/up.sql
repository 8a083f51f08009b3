-- Keys that the document in force no longer names and that still count for a while: JSON.
ALTER TABLE fetched ADD COLUMN draining TEXT NOT NULL DEFAULT '[]';

-- How the refreshing of each provider's metadata goes. `due_at` doubles as the claim of whoever fetches.
CREATE TABLE refreshes (
    idp TEXT PRIMARY KEY NOT NULL,
    url TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    -- The last try, good or bad.
    asked_at BIGINT NOT NULL,
    -- The last good answer.
    checked_at BIGINT,
    failures BIGINT NOT NULL,
    error TEXT,
    -- What the server said about the document last seen, for conditional requests.
    etag TEXT,
    modified TEXT,
    -- A document that waits for a person.
    held TEXT,
    held_at BIGINT,
    -- Digest of the document last refused or turned down: told once.
    settled TEXT
);
