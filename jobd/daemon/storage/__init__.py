"""The SQLite file: one thread writes, many read; made, migrated, repaired, backed up. The only SQL of jobd."""
