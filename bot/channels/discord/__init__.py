"""Discord: events and interactions to `IncomingMessage`, `Reply` to messages in Discord's own Markdown."""
