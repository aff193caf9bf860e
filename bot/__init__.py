"""The running bot: one message in, at most one reply out, recorded."""

__version__ = "0.1.0"
