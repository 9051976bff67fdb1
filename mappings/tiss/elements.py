"""Elements of a TISS message as values: read with the path at fault, written with the lengths its schema allows.

Schemas of TISS 4.01.00, tissSimpleTypesV4_01_00.xsd.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from mappings.errors import MappingError

NAMESPACE = "http://www.ans.gov.br/padroes/tiss/schemas"

_LONGEST = {
    "nomeContratadoSolicitante": 70, "nomeProfissional": 70, "nomeBeneficiario": 70, "nomeSocialBeneficiario": 70,
    "descricaoProcedimento": 150, "descricaoGlosa": 500, "indicacaoClinica": 500, "numeroGuiaPrestador": 20,
    "numeroGuiaPrincipal": 20, "numeroGuiaOperadora": 20, "senha": 20, "numeroCarteira": 20, "codigoProcedimento": 10,
    "codigoPrestadorNaOperadora": 14, "codigonaOperadora": 14, "numeroConselhoProfissional": 15, "codValidacao": 10,
    "sequencialTransacao": 12, "CNES": 7, "cnesContratado": 7,
}  # fmt: skip
"""Characters; `observacao` has 500 in a request and 1000 in an answer."""


class _Tree(ElementTree.TreeBuilder):
    def doctype(self, *_: str | None) -> None:
        raise MappingError("$", "a document type is not allowed")  # entities are how XML reads files and fills memory


def parsed(source: bytes) -> Element:
    """The root of an XML document. Raises MappingError: it is none, or it declares a document type."""
    parser = ElementTree.XMLParser(target=_Tree())
    try:
        parser.feed(source)
        root: Element = parser.close()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        if isinstance(error, MappingError):
            raise
        raise MappingError("$", "is not well-formed XML") from error
    return root


@dataclass(frozen=True, slots=True)
class Part:
    """An element that is read. `path`: as a fault names it."""

    element: Element
    path: str

    def has(self, name: str) -> bool:
        return self.element.find(f"{{{NAMESPACE}}}{name}") is not None

    def parts(self, name: str) -> list[Part]:
        """Its children of a name."""
        found = self.element.findall(f"{{{NAMESPACE}}}{name}")
        numbered = len(found) > 1
        return [Part(one, f"{self.path}.{name}{f'[{place}]' if numbered else ''}") for place, one in enumerate(found)]

    def maybe(self, name: str) -> Part | None:
        return next(iter(self.parts(name)), None)

    def part(self, name: str) -> Part:
        """Its first child of a name. Raises MappingError."""
        found = self.maybe(name)
        if found is None:
            raise MappingError(f"{self.path}.{name}", "is missing")
        return found

    def content(self, name: str) -> str | None:
        """Text of a child, None where it is not there. Raises MappingError: it is there and says nothing."""
        child = self.maybe(name)
        if child is None:
            return None
        if not (text := (child.element.text or "").strip()):
            raise MappingError(child.path, "is empty")
        return text

    def text(self, name: str) -> str:
        """Text of a child that must be there. Raises MappingError."""
        if (found := self.content(name)) is None:
            raise MappingError(f"{self.path}.{name}", "is missing")
        return found

    def choice(self, *names: str) -> tuple[str, str]:
        """Name and text of whichever child is there. Raises MappingError."""
        for name in names:
            if self.has(name):
                return name, self.text(name)
        raise MappingError(f"{self.path}.{names[0]}", f"is missing, or instead {' or '.join(names[1:])}")

    def flag(self, name: str) -> bool:
        """S or N. Raises MappingError."""
        text = self.text(name)
        if text not in ("S", "N"):
            raise MappingError(f"{self.path}.{name}", "is neither S nor N")
        return text == "S"

    def number(self, name: str) -> int:
        """Raises MappingError: not a number without sign."""
        text = self.text(name)
        if not (text.isascii() and text.isdecimal()):
            raise MappingError(f"{self.path}.{name}", "is not a whole number")
        return int(text)

    def day(self, name: str) -> str | None:
        """A date of R4, None where it is not there. Raises MappingError."""
        text = self.content(name)
        try:
            return None if text is None else date.fromisoformat(text).isoformat()
        except ValueError as error:
            raise MappingError(f"{self.path}.{name}", "is no date") from error


def part(name: str, *content: Element | str | None) -> Element:
    """An element that is written, with its children in the schema's order, or its text; None is left out.

    Raises MappingError: text that is longer than the schema allows.
    """
    element = Element(f"{{{NAMESPACE}}}{name}")
    for one in content:
        if isinstance(one, str):
            longest = _LONGEST.get(name)
            if not one or (longest and len(one) > longest):
                raise MappingError(name, f"needs 1 to {longest} characters" if longest else "is empty")
            element.text = one
        elif one is not None:
            element.append(one)
    return element


def maybe(name: str, text: str | None) -> Element | None:
    """An element with text, None where there is none."""
    return None if text is None else part(name, text)


def day_part(name: str, moment: str | None) -> Element | None:
    """An element with the day of a date or dateTime, None where there is none. Raises MappingError."""
    try:
        return None if moment is None else part(name, date.fromisoformat(moment[:10]).isoformat())
    except ValueError as error:
        raise MappingError(name, "needs a whole date") from error


def leaves(root: Element) -> Iterator[Element]:
    """Elements without children, in document order."""
    return (one for one in root.iter() if len(one) == 0)
