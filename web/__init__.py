"""The only place of the web framework: the page and the JSON API."""
