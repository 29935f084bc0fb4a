-- The index of words is merged in small steps by whoever changes it; the merges of SQLite stopped all for half a second.

INSERT INTO parts (parts, rank) VALUES ('automerge', 0);
INSERT INTO parts (parts, rank) VALUES ('crisismerge', 256);
