"""Commands about courses, exports and proxied calls to a language model, and the rules that decide them."""
