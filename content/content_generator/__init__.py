"""Marketing content composed by stated rules: e-mail, page and posts from a document; the summary of a session.

Pure: the same document, template and options give the same content, byte for byte. A template's version names the
rules too: `modern@1` goes on composing what it composed, and new rules get a new version.
"""
