"""The XHTML that a narrative may hold. https://hl7.org/fhir/R4/narrative.html#xhtml"""

from __future__ import annotations

from xml.parsers import expat

_SPACE = "http://www.w3.org/1999/xhtml"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ELEMENTS = _names(
    "a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img "
    "li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var"
)
_ANYWHERE = _names("title style class id lang xml:lang dir accesskey tabindex")
_TABLE = _names("align char charoff valign")
_CELL = _TABLE | _names("colspan rowspan headers scope abbr axis width height nowrap bgcolor")
_ATTRIBUTES: dict[str, frozenset[str]] = {
    "a": _names("href name rel rev charset hreflang type shape coords target"),
    "img": _names("src alt longdesc width height usemap ismap border align hspace vspace"),
    "table": _names("summary width border frame rules cellspacing cellpadding align bgcolor"),
    "td": _CELL,
    "th": _CELL,
    "tr": _TABLE | {"bgcolor"},
    "col": _TABLE | {"span", "width"},
    "colgroup": _TABLE | {"span", "width"},
    "tbody": _TABLE,
    "thead": _TABLE,
    "tfoot": _TABLE,
    "q": _names("cite"),
    "blockquote": _names("cite"),
    "pre": _names("width xml:space"),
    "p": _names("align"),
    "div": _names("align"),
    "hr": _names("align noshade size width"),
    "br": _names("clear"),
    "ol": _names("type start compact"),
    "ul": _names("type compact"),
    "li": _names("type value"),
    "caption": _names("align"),
    **{f"h{level}": _names("align") for level in range(1, 7)},
}
_SCRIPTS = ("javascript:", "vbscript:", "data:text/html")


class _Refused(Exception):
    pass


def _attributes_fit(name: str, attributes: dict[str, str]) -> bool:
    allowed = _ATTRIBUTES.get(name, frozenset())
    return all(
        (key in _ANYWHERE or key in allowed or key == "xmlns" or key.startswith("xmlns:"))
        and not (key in ("href", "src") and value.strip().lower().startswith(_SCRIPTS))
        for key, value in attributes.items()
    )


def is_narrative(text: str) -> bool:
    """Whether the text is one XHTML `div` with some content and nothing active in it (invariants txt-1 and txt-2)."""
    seen_content = False
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, seen_content
        if depth == 0 and (name != "div" or attributes.get("xmlns", _SPACE) != _SPACE):
            raise _Refused
        depth += 1
        if name not in _ELEMENTS or not _attributes_fit(name, attributes):
            raise _Refused
        seen_content = seen_content or name == "img"

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    def characters(content: str) -> None:
        nonlocal seen_content
        seen_content = seen_content or not content.isspace()

    def refuse(*_: object) -> None:
        raise _Refused

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse  # No entities of its own, so none that grow or fetch.
    parser.ProcessingInstructionHandler = refuse
    try:
        parser.Parse(text.encode(), True)
    except (_Refused, expat.ExpatError, UnicodeEncodeError):
        return False
    return seen_content
