-- In a federation, the entityID of the member that was asked to follow a sign-out; else empty.
ALTER TABLE logouts ADD COLUMN member TEXT NOT NULL DEFAULT '';
