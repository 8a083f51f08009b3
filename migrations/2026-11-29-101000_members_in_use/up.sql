-- The members of federations that people come from, and when last, to the day: what ends is told of these.
CREATE TABLE member_uses (
    idp TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (idp, entity_id)
);
