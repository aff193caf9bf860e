"""Everything known about one person: how it is asked, kept, found and forgotten."""
