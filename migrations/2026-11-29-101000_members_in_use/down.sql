DROP TABLE member_uses;
