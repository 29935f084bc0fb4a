"""Telling: who follows the log, hears what became durable, and who watches what."""
