"""Answers: one file per backend behind the `ChatModel` port."""
