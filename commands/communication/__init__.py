"""Commands about messages and the people they go to, and the rules that decide them."""
