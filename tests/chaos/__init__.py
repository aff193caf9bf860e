"""kill -9, again and again, under load: nothing accepted may be lost or doubled (M-1)."""
