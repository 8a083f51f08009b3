ALTER TABLE logouts DROP COLUMN member;
