"""Refusals: any body with `erro` is one, and which may be sent again."""

from __future__ import annotations

import pytest

from mappings.tasy.refusal import AFTER_LOOKUP, AGAIN, MEANINGS, NEVER, ONCE, refusal_of

WHOLE = b"""{"erro":{"cd_erro":"PLS-4221","ds_erro":"Beneficiario nao localizado","ie_tipo":"NEGOCIO","ie_reenviar":"N",
"dt_erro":"2026-03-10T14:20:07","detalhes":[{"nm_campo":"cd_usuario_plano","vl_informado":"***4567","cd_motivo_tiss":"1001"}]}}"""


@pytest.mark.parametrize(
    ("status", "body", "code", "issue", "retry"),
    [
        (422, WHOLE, "PLS-4221", "business-rule", NEVER),
        (200, WHOLE, "PLS-4221", "business-rule", NEVER),
        (200, b'{"erro":{"cd_erro":"PLS-9999"}}', "PLS-9999", "processing", NEVER),
        (200, b'{"erro":"falhou"}', "", "processing", NEVER),
        (200, b'{"erro":null}', "", "processing", NEVER),
        (401, b'{"erro":{"cd_erro":"PLS-4011"}}', "PLS-4011", "login", ONCE),
        (401, b'{"erro":{"cd_erro":"PLS-4012"}}', "PLS-4012", "login", NEVER),
        (423, b'{"erro":{"cd_erro":"PLS-4231"}}', "PLS-4231", "lock-error", AGAIN),
        (429, b"", "", "throttled", AGAIN),
        (500, b'{"erro":{"cd_erro":"PLS-5002"}}', "PLS-5002", "exception", AFTER_LOOKUP),
        (500, b"<html>", "", "exception", AFTER_LOOKUP),
        (503, b"", "", "transient", AGAIN),
        (404, b"not json", "", "processing", NEVER),
    ],
)
def test_refusals(status: int, body: bytes, code: str, issue: str, retry: str) -> None:
    found = refusal_of(status, body)
    assert found is not None
    refusal, meaning = found
    assert (refusal.cd_erro, meaning.issue, meaning.retry) == (code, issue, retry)


@pytest.mark.parametrize("body", [b'{"nr_seq_guia":1}', b"", b"[]", b"x"])
def test_no_refusal(body: bytes) -> None:
    assert refusal_of(200, body) is None


def test_the_guide_that_is_there_already() -> None:
    found = refusal_of(409, b'{"erro":{"cd_erro":"PLS-4091","nr_seq_guia":5500321}}')
    assert found is not None
    assert found[0].nr_seq_guia == 5500321


def test_every_code_of_the_contract_has_a_meaning() -> None:
    assert len(MEANINGS) == 26
