"""Commands of the content product and their deciders."""
