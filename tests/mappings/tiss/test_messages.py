"""Messages read and written are TISS 4.01.00 by its schemas, their hash is of their text, and nothing is lost."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mappings import case, r4
from mappings.errors import MappingError
from mappings.tasy.authorization_request import to_authorization_request
from mappings.tasy.site import Site
from mappings.tiss import ENTITIES
from mappings.tiss.elements import part
from mappings.tiss.message import Header, read, write

CASES = Path(__file__).parents[1] / "cases"
PLAIN = CASES / "tiss-authorization-request" / "whole.xml"
NOT_VALID = {"changed-on-the-way", "table-that-is-none", "reason-that-is-none"}
"""Sources at fault: the schemas refuse a code that is none, and know nothing of hashes."""
MESSAGES = [path for path in case.sources(CASES) if path.suffix == ".xml" and path.parent.name in ENTITIES]
WRITTEN = [path for path in case.sources(CASES) if path.parent.name.endswith("-message")]
HEADER = Header(
    "VERIFICA_ELEGIBILIDADE", "1", datetime(2026, 3, 10, 14, 25), "999997", ("codigoPrestadorNaOperadora", "1"), True
)


@cache
def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(Path(__file__).parent / "schemas" / "tissV4_01_00.xsd"))


def faults(message: bytes) -> list[str]:
    """What the schemas say against a message."""
    schema().validate(etree.fromstring(message))
    return [str(error.message) for error in schema().error_log]


def result(path: Path) -> Any:
    return case.outcome(path.parent.name, path.read_bytes(), case.beside(path), Site())


def xml(path: Path) -> bytes:
    """The message that a case writes."""
    return "\n".join(result(path).result[0]["xml"]).encode()


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_sources_are_what_the_schemas_say(path: Path) -> None:
    assert bool(faults(path.read_bytes())) == (path.stem in NOT_VALID - {"changed-on-the-way"})


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_is_written_is_valid_and_reads_back(path: Path) -> None:
    found = result(path)
    if found.error:
        assert path.stem in ("denied-without-reason", "half-of-one")
        return
    message = xml(path)
    assert faults(message) == []
    entity = path.parent.name.removesuffix("-message")
    beside = case.beside(path) | {"reference": r4.parse(path.read_bytes()).get("request", {}).get("reference", "")}
    again = case.outcome(entity, message, beside, Site())
    assert again.faults == []
    expected = r4.parse(path.read_bytes())
    assert {name: value for name, value in again.result[0].items() if name != "created"} == {
        name: value for name, value in expected.items() if name != "created"
    }


def test_a_guide_comes_back_element_by_element() -> None:
    source = etree.fromstring(PLAIN.read_bytes(), etree.XMLParser(remove_blank_text=True))
    written = etree.fromstring(
        xml(CASES / "tiss-authorization-request-message" / "whole.json"), etree.XMLParser(remove_blank_text=True)
    )
    assert etree.tostring(written, method="c14n") == etree.tostring(source, method="c14n")


def test_a_guide_of_the_provider_door_becomes_what_tasy_is_asked() -> None:
    claim = ENTITIES["tiss-authorization-request"](PLAIN.read_bytes(), {}, Site())[0][0]
    within = {f"#{one['id']}": one for one in claim["contained"]}
    claim["created"] += "T14:25:00-03:00"
    asked = to_authorization_request(claim, within, Site())
    assert asked.cd_guia_prestador == "HUB26000000123"
    assert asked.cd_usuario_plano == "00900000001234567"
    assert (asked.solicitante.cd_conselho, asked.solicitante.cd_uf_conselho) == ("06", "35")
    assert [(one.cd_tabela, one.cd_procedimento, one.qt_solicitada) for one in asked.itens] == [
        ("22", "41101014", 1), ("20", "90000011", 2), ("00", "12345", 1),
    ]  # fmt: skip


def eligibility(card: str) -> Any:
    provider = part("dadosPrestador", part("codigoPrestadorNaOperadora", "1"))
    return part("verificaElegibilidade", provider, part("numeroCarteira", card))


def test_the_hash_is_of_the_text_in_iso_8859_1() -> None:
    message = write(HEADER, eligibility("Ção"))
    literal = "VERIFICA_ELEGIBILIDADE12026-03-1014:25:001999997" + "4.01.00" + "1Ção"
    assert hashlib.md5(literal.encode("iso-8859-1")).hexdigest().encode() in message
    assert read(message)[2] == []
    of_utf8 = hashlib.md5(literal.encode()).hexdigest().encode()
    told = read(message.replace(hashlib.md5(literal.encode("iso-8859-1")).hexdigest().encode(), of_utf8))[2]
    assert [(one.element, one.code) for one in told] == [("mensagemTISS.epilogo.hash", "drift")]


@given(st.text(st.characters(max_codepoint=255, exclude_categories=("Cc",)), min_size=1, max_size=20).filter(str.strip))
def test_any_text_of_the_charset_comes_back(text: str) -> None:
    _, body, told = read(write(HEADER, eligibility(text)))
    assert body.text("numeroCarteira") == text.strip()
    assert told == []


@pytest.mark.parametrize(
    ("before", "after", "element", "reason"),
    [
        (b"<ans:mensagemTISS", b"<!DOCTYPE x [<!ENTITY y 'z'>]><ans:mensagemTISS", "$", "document type"),
        (b"4.01.00", b"3.05.00", "mensagemTISS.cabecalho.Padrao", "versions in force"),
        (b"41101014", b"41101015", "mensagemTISS.epilogo.hash", "5014"),
        (b"ans:origem", b"ans:origin", "mensagemTISS.cabecalho.origem", "is missing"),
        (b"schemas", b"esquemas", "$", "mensagemTISS"),
        (b"2026-03-10<", b"2026-13-10<", "", "no date"),
    ],
)
def test_what_is_no_message_of_ours_is_told(before: bytes, after: bytes, element: str, reason: str) -> None:
    changed = PLAIN.read_bytes().replace(before, after)
    with pytest.raises(MappingError, match=reason) as told:
        read(rehashed(changed) if reason == "no date" else changed)
    assert told.value.element.startswith(element)
    assert "3.05.00" not in str(told.value)


def rehashed(message: bytes) -> bytes:
    """With the hash of the text as it now is."""
    root = etree.fromstring(message, etree.XMLParser(remove_blank_text=True))
    *leaves, last = [one for one in root.iter() if len(one) == 0]
    last.text = hashlib.md5("".join(one.text or "" for one in leaves).encode("iso-8859-1")).hexdigest()
    return bytes(etree.tostring(root, encoding="iso-8859-1"))


@pytest.mark.parametrize(
    ("before", "after", "element"),
    [
        (b"<ans:UF>35", b"<ans:UF>99", "solicitacaoSP-SADT.dadosSolicitante.profissionalSolicitante.UF"),
        (b"<ans:conselhoProfissional>06", b"<ans:conselhoProfissional>99", "conselhoProfissional"),
        (b"<ans:caraterAtendimento>1", b"<ans:caraterAtendimento>3", "caraterAtendimento"),
        (b"<ans:tipoIdent>03", b"<ans:tipoIdent>77", "tipoIdent"),
        (b"<ans:atendimentoRN>N", b"<ans:atendimentoRN>X", "atendimentoRN"),
        (b"<ans:codigoTabela>20", b"<ans:codigoTabela>21", "procedimentosSolicitados[1].procedimento.codigoTabela"),
        (b"<ans:quantidadeSolicitada>2", b"<ans:quantidadeSolicitada>-2", "quantidadeSolicitada"),
        (b"<ans:observacao>", b"<ans:anexoClinico></ans:anexoClinico><ans:observacao>", "anexoClinico"),
    ],
)
def test_a_code_in_no_table_is_told_never_guessed(before: bytes, after: bytes, element: str) -> None:
    source = PLAIN.read_bytes()
    assert before in source
    with pytest.raises(MappingError) as told:
        ENTITIES["tiss-authorization-request"](rehashed(source.replace(before, after, 1)), {}, Site())
    assert element in told.value.element


def test_letters_in_a_cnpj_are_refused_where_the_schema_has_digits_only() -> None:
    source = (PLAIN.parent / "least.xml").read_bytes().replace(b"99000000000159", b"12ABC34501DE35")
    with pytest.raises(MappingError, match="5050"):
        ENTITIES["tiss-authorization-request"](rehashed(source), {}, Site())


def test_what_the_charset_does_not_have_is_told() -> None:
    with pytest.raises(MappingError, match="numeroCarteira: has characters"):
        write(HEADER, eligibility("€"))
