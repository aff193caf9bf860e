"""Telegram: updates to `IncomingMessage`, `Reply` to messages with entities of our own making."""
