"""Platform events to `IncomingMessage`, `Reply` to platform messages: one file per platform."""
