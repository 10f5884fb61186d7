"""XML from strangers: no DTD, no entities, nothing from elsewhere, and bounds on its shape.

defusedxml refuses declarations before anything is expanded; the builder below refuses what is
deep, wide or long while it is read, so that no tree of it is ever made.
"""

from xml.etree.ElementTree import (
    Element,
    ParseError,
    TreeBuilder,
    tostring,
)

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from app.providers.provider import ProviderUnreadable

# Our own schema goes 5 deep, Sportradar's fixtures 7.
DEPTH_MAX = 16
# An element takes about 500 bytes of memory; 8 MiB of `<a/>` would be two million.
ELEMENTS_MAX = 200_000
ATTRIBUTES_MAX = 32
# Names have at most 200 characters, lists of groups some hundreds.
TEXT_LENGTH_MAX = 4_096


class _TooMuch(Exception):
    """A bound was passed; the message says which."""


class _Bounded(TreeBuilder):
    """Builds the tree without namespaces, as long as it keeps within bounds."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._elements = 0
        self._text = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        """Begins an element; raises _TooMuch."""
        self._depth += 1
        self._elements += 1
        self._text = 0
        if self._depth > DEPTH_MAX:
            raise _TooMuch(f"nested deeper than {DEPTH_MAX}")
        if self._elements > ELEMENTS_MAX:
            raise _TooMuch(f"more than {ELEMENTS_MAX} elements")
        if len(attrs) > ATTRIBUTES_MAX:
            raise _TooMuch(f"more than {ATTRIBUTES_MAX} attributes on one element")
        if any(len(value) > TEXT_LENGTH_MAX for value in attrs.values()):
            raise _TooMuch(f"an attribute of more than {TEXT_LENGTH_MAX} characters")
        return super().start(plain(tag), {plain(name): attrs[name] for name in attrs})

    def end(self, tag: str, /) -> Element:
        """Ends an element."""
        self._depth -= 1
        self._text = 0
        return super().end(plain(tag))

    def data(self, data: str, /) -> None:
        """Takes text; raises _TooMuch."""
        self._text += len(data)
        if self._text > TEXT_LENGTH_MAX:
            raise _TooMuch(f"a text of more than {TEXT_LENGTH_MAX} characters")
        super().data(data)


def plain(name: str) -> str:
    """Returns a name without its namespace."""
    return name.rpartition("}")[2]


def parse(body: bytes) -> Element:
    """Returns the root; raises ProviderUnreadable for whatever is no harmless XML."""
    parser = DefusedXMLParser(target=_Bounded(), forbid_dtd=True)
    try:
        parser.feed(body)
        root: Element = parser.close()
    except DefusedXmlException:
        # Its text holds what the entity says; that is nobody's business.
        raise ProviderUnreadable("declares a DTD or entities", raw=body) from None
    except (_TooMuch, ParseError) as error:
        raise ProviderUnreadable(str(error), raw=body) from None
    except (LookupError, ValueError):
        raise ProviderUnreadable("is in an unknown encoding", raw=body) from None
    return root


def text_of(element: Element) -> bytes:
    """Returns an element as XML again, as it is kept when it is refused."""
    return tostring(element, encoding="utf-8")
