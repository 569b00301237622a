"""The gccp surface: generation of course content, PDF export, and a proxy to a language model."""
