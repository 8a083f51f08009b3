-- What ends soon was told so: subject → the level at which it was last told.
CREATE TABLE told_terms (
    subject TEXT PRIMARY KEY NOT NULL,
    level BIGINT NOT NULL
);
