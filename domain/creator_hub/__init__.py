"""The creators' product: what they know, the channels of their members, programs, rules, and what was said."""
