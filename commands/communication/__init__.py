"""Commands about messages and their recipients, and the rules that decide them."""
