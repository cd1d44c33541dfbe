"""Reads a page strictly: what is opened is closed, ids are distinct, links lead somewhere, and nothing is loaded."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "hr", "input", "path"}
LOADING = {"script", "link", "img", "iframe", "object", "embed", "audio", "video", "source", "image", "use", "base"}
LOADING_ATTRIBUTES = {"src", "srcset", "data", "action", "background", "poster", "xlink:href"}


class PageReader(HTMLParser):
    """The text, ids, links and explanations of a page.

    Raises:
        AssertionError: an element is closed wrongly, or would load something, or run a script.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: list[str] = []
        self.links: list[str] = []
        self.titles: list[str] = []
        self._texts: list[str] = []
        self._styles: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], self._open
        assert len(set(self.ids)) == len(self.ids)
        assert {link.removeprefix("#") for link in self.links} <= set(self.ids)
        assert not re.search(r"url\(|@import|expression", " ".join(self._styles))

    @property
    def text(self) -> str:
        """All text that is shown, with single spaces."""
        return " ".join(" ".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        assert len(values) == len(attrs), (tag, attrs)
        assert tag not in LOADING, tag
        assert not LOADING_ATTRIBUTES & set(values), (tag, attrs)
        assert not any(name.startswith("on") for name in values), (tag, attrs)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if "href" in values else []
        self.titles += [values["title"]] if "title" in values else []
        self._styles.append(values.get("style", ""))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1:] == [tag], (tag, self._open)
        self._open.pop()

    def handle_data(self, data: str) -> None:
        (self._styles if self._open and self._open[-1] == "style" else self._texts).append(data)
