-- The members of federations. A new set is written under a generation of its own, and counts once
-- `federations` names it: until then the last good set is in force.
CREATE TABLE federations (
    idp TEXT PRIMARY KEY NOT NULL,
    -- Digest of what it was believed by: address, signer, member. Another configuration begins anew.
    basis TEXT NOT NULL,
    generation BIGINT NOT NULL,
    fetched_at BIGINT NOT NULL,
    entities BIGINT NOT NULL,
    passed_over BIGINT NOT NULL
);
CREATE TABLE entities (
    idp TEXT NOT NULL,
    generation BIGINT NOT NULL,
    entity_id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Lower case.
    search TEXT NOT NULL,
    -- Complete in itself.
    xml TEXT NOT NULL,
    -- As in `fetched`.
    draining TEXT NOT NULL,
    PRIMARY KEY (idp, generation, entity_id)
);
CREATE INDEX entities_name ON entities (idp, generation, name);
