"""The extraction of text from files, and its division into chunks, inside the confined process."""
