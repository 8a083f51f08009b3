-- The thumbprint of the key that a public application's refresh tokens are bound to; present only where they are.
ALTER TABLE grants ADD COLUMN jkt TEXT;
