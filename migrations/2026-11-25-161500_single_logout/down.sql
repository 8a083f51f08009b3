DROP TABLE logouts;
DROP INDEX browser_sessions_upstream;
ALTER TABLE browser_sessions DROP COLUMN upstream_key;
