DROP TABLE refreshes;
ALTER TABLE fetched DROP COLUMN draining;
