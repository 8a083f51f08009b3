-- What the scopes `phone` and `address` open: the second a FHIR Address as JSON.
ALTER TABLE users ADD COLUMN phone TEXT;
ALTER TABLE users ADD COLUMN address TEXT;
