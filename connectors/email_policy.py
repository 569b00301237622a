"""E-mail as it goes over the wire: headers by RFC 2047 and 5322, text in seven bits, which every server takes."""

from __future__ import annotations

import re
from email.header import Header
from email.headerregistry import AddressHeader, ParameterizedMIMEHeader
from email.policy import EmailPolicy

LINE = 76
"""Characters of a line with an encoded word (RFC 2047, section 2), and of any other where its words allow it."""

_WORDS = re.compile(r"\s*\S+|\s+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class WirePolicy(EmailPolicy):
    """The standard library's policy with headers folded here.

    The library encodes words of ASCII that are longer than a line, and an encoded List-Unsubscribe is no link; of a
    subject with other letters it loses some spaces. With `utf8` headers stay as they are, for SMTPUTF8.
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        """The header with its line ends. Raises ValueError for a control character, encoded in the value or not."""
        text = str(value)
        if _CONTROL.search(text):
            raise ValueError(f"a control character in the header {name}")
        if not text.isascii() and isinstance(value, ParameterizedMIMEHeader):
            return super().fold_binary(name, value)  # a file's name, by RFC 2231
        if not text.isascii() and not self.utf8:
            text = _addresses(name, value) if isinstance(value, AddressHeader) else _encoded(name, text)
        return (_folded(f"{name}:", f" {text}") + self.linesep).encode("utf-8" if self.utf8 else "ascii")


def _addresses(name: str, header: AddressHeader) -> str:
    """The addresses of a header with their names encoded where they must be."""
    return ", ".join(
        f"{_encoded(name, one.display_name)} <{one.addr_spec}>" if not one.display_name.isascii() else str(one)
        for one in header.addresses
    )


def _encoded(name: str, text: str) -> str:
    """Encoded words that fit into lines, the first one behind the header's name."""
    return " ".join(Header(text, "utf-8", maxlinelen=LINE, header_name=name).encode().split())


def _folded(start: str, text: str) -> str:
    lines = [start]
    for word in _WORDS.findall(text):
        if len(lines[-1]) + len(word) > LINE and word.strip() and lines[-1] != start:
            lines.append(word)
        else:
            lines[-1] += word
    return "\r\n".join(lines)


WIRE = WirePolicy(linesep="\r\n", max_line_length=LINE, cte_type="7bit")
WIRE_UTF8 = WIRE.clone(utf8=True)
"""For a recipient whose mailbox is written in UTF-8, to a server that offers SMTPUTF8."""
