DELETE FROM changes WHERE topic = 'revocations';
DROP INDEX grants_user;
ALTER TABLE grants DROP COLUMN offline;
DROP TABLE refresh_tokens;
