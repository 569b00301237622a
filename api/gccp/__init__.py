"""The gccp surface: course content in five steps, PDF export, and a proxy to a language model."""
