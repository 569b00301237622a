"""The rendering of Markdown into PDF by Typst, inside the confined process."""
