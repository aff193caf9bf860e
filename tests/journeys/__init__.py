"""The whole bot in a process of its own, used as people use it."""
