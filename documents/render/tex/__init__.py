"""TeX's mathematics as expressions of Typst: what is known is converted, anything else is refused as a whole."""
