"""Durable chores over ports."""
