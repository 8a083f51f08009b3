DROP TABLE told_terms;
