"""Course content: generations, PDF exports and proxied calls to a language model."""
