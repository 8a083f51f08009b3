DROP TABLE registrations;
DROP TABLE registration_tokens;
