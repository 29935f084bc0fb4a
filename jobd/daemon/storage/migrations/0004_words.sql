-- The texts by which settled jobs are found, and the parts of three letters that are in them.

CREATE TABLE words (
    job INTEGER PRIMARY KEY,
    text TEXT NOT NULL
);
CREATE VIRTUAL TABLE parts USING fts5 (
    text, content = 'words', content_rowid = 'job', tokenize = 'trigram case_sensitive 1', detail = 'none', columnsize = 0
);
