"""XHTML of narratives: well-formed, and only what cannot act. https://hl7.org/fhir/R4/narrative.html"""

from __future__ import annotations

from xml.parsers.expat import ExpatError, ParserCreate

_XHTML = "http://www.w3.org/1999/xhtml"
_XML = "http://www.w3.org/XML/1998/namespace"

_ELEMENT_NAMES = """
    a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd del dfn div dl dt em h1 h2 h3
    h4 h5 h6 hr i img ins kbd li map ol p pre q s samp small span strike strong sub sup table tbody td tfoot th thead
    tr tt u ul var
"""
_ELEMENTS = frozenset(_ELEMENT_NAMES.split())
"""HTML 4 chapters 7 to 11 and 15, links and images: what txt-1 allows."""

_ATTRIBUTE_NAMES = """
    abbr accesskey align alt axis background bgcolor border cellpadding cellspacing char charoff charset cite class
    clear color colspan compact coords datetime dir face frame headers height href hreflang hspace id ismap lang
    longdesc name nohref noshade nowrap rel rev rowspan rules scope shape size span src start style summary tabindex
    target title type usemap valign value vspace width
"""
_ATTRIBUTES = frozenset(_ATTRIBUTE_NAMES.split())
"""Attributes without behaviour; everything that begins with "on" is left out."""

_LINKS = frozenset({"href", "src", "longdesc", "cite", "usemap", "background"})
_UNSAFE_SCHEMES = ("javascript:", "vbscript:", "livescript:", "data:text/html")
_UNSAFE_STYLE = ("expression(", "javascript:", "vbscript:", "behavior:", "-moz-binding", "@import")


class _Unsafe(ValueError):
    pass


BLANK = "should have some content"
"""The one fault that does no harm; HL7's own examples have it."""


def narrative_fault(text: str) -> str | None:
    """What is wrong with the narrative: `BLANK`, or words for an error; None if it is a safe, well-formed XHTML div.

    Entities other than XML's own five are not defined without a document type, and a document type is refused.
    """
    reader = _Reader()
    parser = ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = reader.document_type
    parser.ProcessingInstructionHandler = reader.instruction
    try:
        parser.Parse(text, True)
    except ExpatError:
        return "must be well-formed XHTML without HTML entities such as &nbsp;"
    except UnicodeEncodeError:
        return "must be text that UTF-8 can hold"
    except _Unsafe as error:
        return str(error)
    return None if reader.content else BLANK


class _Reader:
    """Receives the parser's events; raises _Unsafe at the first thing txt-1 forbids."""

    def __init__(self) -> None:
        self.depth = 0
        self.content = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        if namespace != _XHTML:
            raise _Unsafe("must be in the XHTML namespace throughout")
        if self.depth == 0 and local != "div":
            raise _Unsafe("must be a div element")
        if local not in _ELEMENTS:
            raise _Unsafe("must contain only basic formatting elements, links and images")
        self.content = self.content or local == "img"
        self.depth += 1
        for attribute, value in attributes.items():
            _check_attribute(attribute, value)

    def end(self, name: str) -> None:
        self.depth -= 1

    def characters(self, text: str) -> None:
        if not self.content and not text.isspace():
            self.content = True

    def document_type(self, *declaration: object) -> None:
        raise _Unsafe("must have no document type")

    def instruction(self, *instruction: object) -> None:
        raise _Unsafe("must have no processing instructions")


def _check_attribute(name: str, value: str) -> None:
    namespace, _, local = name.rpartition(" ")
    if namespace not in ("", _XML):
        raise _Unsafe("must have no attributes of other namespaces")
    if namespace == _XML:
        return
    if local.lower() not in _ATTRIBUTES:
        raise _Unsafe("must have only attributes of basic formatting, no event handlers")
    plain = "".join(value.split()).lower()
    if local in _LINKS and plain.startswith(_UNSAFE_SCHEMES):
        raise _Unsafe("must have no scripts in links")
    if local == "style" and any(word in plain for word in _UNSAFE_STYLE):
        raise _Unsafe("must have no scripts in styles")
