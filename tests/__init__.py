"""Tests, mirroring the source, with servers, contracts and journeys of their own."""
