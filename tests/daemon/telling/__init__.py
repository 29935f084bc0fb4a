"""Telling what became durable, and who watches, with real stores and in memory."""
