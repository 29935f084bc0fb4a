"""The database: real SQLite files, damaged, full and killed."""
