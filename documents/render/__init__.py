"""Markdown into PDF, by Typst: what runs inside the confined process."""
