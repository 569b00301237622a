"""The HTML of a mailed newsletter with what is one recipient's: links that count, the way out, and a picture."""

from __future__ import annotations

import re
from html import escape, unescape

from content.content_generator.links import MailLinks

LONGEST_URL = 2000
"""Characters of a link that counts, as of those that the CRM reports; a longer one stays as it is."""

LINK = re.compile(r'(<a\s(?:[^>"]|"[^"]*")*?\bhref=")([^"]*)(")', re.IGNORECASE)
COUNTED = re.compile(r"https?://", re.IGNORECASE)


def mail_html(html: str, links: MailLinks) -> str:
    """The HTML of one mail. A link to unsubscribe by comes last, and counts as no click."""
    counted = LINK.sub(lambda found: f"{found[1]}{_counted(found[2], links)}{found[3]}", html)
    shown = f'<p><a href="{escape(links.unsubscribe)}">Unsubscribe</a></p>'
    picture = f'<img src="{escape(links.pixel)}" alt="" width="1" height="1">'
    body, end, rest = counted.rpartition("</body>")
    return f"{body}{shown}{picture}{end}{rest}" if end else f"{counted}{shown}{picture}"


def _counted(href: str, links: MailLinks) -> str:
    """The attribute's value, written anew where it is an address of the web."""
    url = unescape(href).strip()
    if COUNTED.match(url) is None or len(url) > LONGEST_URL or not url.isprintable():
        return href
    return escape(links.click(url))
