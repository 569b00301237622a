"""Words, HTML and links made from values by templates. Pure; no engine."""
