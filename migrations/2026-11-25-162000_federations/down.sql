DROP TABLE entities;
DROP TABLE federations;
