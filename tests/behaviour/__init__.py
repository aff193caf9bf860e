"""What the bot does wherever it is: one suite, unchanged on the page, the console, Telegram and Discord."""
