"""Measurements, each printing one JSON object; imported by nothing."""
