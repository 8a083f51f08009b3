-- Applications that are to be told of the end of a session, until they have heard of it; what was told stays
-- as a receipt.
CREATE TABLE logout_notices (
    session_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Not before; while somebody tells, the end of that claim. Nothing: it is over.
    due_at BIGINT,
    attempts BIGINT NOT NULL,
    -- When the application said that it heard.
    told_at BIGINT,
    -- Why it was not, the last time.
    error TEXT,
    PRIMARY KEY (session_id, client_id)
);
CREATE INDEX logout_notices_due ON logout_notices (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX logout_notices_age ON logout_notices (created_at);
