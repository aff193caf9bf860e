"""What a model's Markdown says, as text with marks that every platform can draw in its own way."""
