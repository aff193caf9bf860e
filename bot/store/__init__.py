"""The only truth: SQLite through statements that are compiled once and one writer."""
