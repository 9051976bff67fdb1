"""The file that tells how an installation differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.settings import Settings
from hub.tasy.site import SiteUnusable, site


def test_what_the_file_says(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('zone = "America/Manaus"\nans_registration = "999989"\nbase = "https://x.example/fhir/"\n')
    place = site(Settings(tasy_site=file))
    assert (place.site.zone, place.site.ans_registration, place.establishment) == ("America/Manaus", "999989", 1)
    assert place.site.systems.sid("carteira") == "https://x.example/fhir/sid/carteira"


def test_without_a_file_it_is_as_the_contract_has_it() -> None:
    assert site(Settings()).site.zone == "America/Sao_Paulo"


def test_paths_and_fields(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(
        '[paths]\n"/api/pls/v1" = "/erp"\n"/autorizacoes" = "/guias"\n'
        '[fields]\nnr_seq_segurado = "nr_segurado"\n[fields.provider]\nnm_fantasia = "nm_comercial"\n'
    )
    place = site(Settings(tasy_site=file))
    assert place.paths["/autorizacoes/{nr_seq_guia}"] == "/erp/guias/{nr_seq_guia}"
    names = place.site.names
    assert names.there("eligibility-reply", {"nr_seq_segurado": 1}) == {"nr_segurado": 1}
    assert names.here("provider", {"nm_comercial": "X"}) == {"nm_fantasia": "X"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('zona = "x"', "zona"),
        ("establishment = 'one'", "establishment"),
        ("not toml", "TOML"),
        ('zone = "America/Manaus"\n[fields]\nnr_cpf = "a"\nnr_cpf = "b"\n', "TOML, line 4"),
        ('zone = "', "TOML, end of document"),
        ('[fields]\nnr_segurado = "x"', "fields.nr_segurado: is no field"),
        ('[fields.provider]\nnr_cpf = "cd_cgc"', "fields.provider.nr_cpf: has the name"),
        ("fields = 1", "fields"),
        ('[paths]\n"/guias" = "/x"', 'paths."/guias": is no path of the contract'),
        ('[paths]\n"/contas" = "/prestadores"', 'paths."/contas": is where /prestadores is too'),
        ('zone = "America/Nowhere"', "zone"),
        ('ans_registration = "999998"', "ans_registration"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "site.toml"
    file.write_text(text)
    with pytest.raises(SiteUnusable, match=named):
        site(Settings(tasy_site=file))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SiteUnusable, match="HUB_TASY_SITE"):
        site(Settings(tasy_site=tmp_path / "none"))
