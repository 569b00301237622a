"""The reading of HTML: its encoding, its tokens and the meaning of its elements, without a tree."""
