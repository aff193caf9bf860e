"""What people tell of themselves, as facts and preferences, and which of them replaces which; pure."""
