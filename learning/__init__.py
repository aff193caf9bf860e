"""One night: from consented feedback to training files. Its own process; nothing that serves people imports it."""
