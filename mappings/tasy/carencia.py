"""Waiting periods of a product -> one Basic for each group of procedures. Contract sections 5 and 10.3 (B-3).

FHIR R4 has no resource for them: https://hl7.org/fhir/R4/basic.html
"""

from __future__ import annotations

from typing import Any

from mappings.errors import MappingError
from mappings.identifiers import coding, concept
from mappings.tasy.records import ProductWaitingPeriod, ProductWaitingPeriods
from mappings.tasy.site import Site

Json = Any


def to_waiting_periods(product: ProductWaitingPeriods, site: Site) -> list[Json]:
    """A resource for each group. Raises MappingError: two of one group, or a flag that is neither S nor N."""
    groups = [one.cd_grupo for one in product.carencias]
    if len(set(groups)) < len(groups):
        raise MappingError("carencias.cd_grupo", "a group is named twice: nobody can say which of the two holds")
    return [_basic(product, one, site) for one in product.carencias]


def waiting_period_id(product: int, group: str) -> str:
    """Logical id of the waiting period of a product for a group."""
    return f"carencia-{product}-{group}"


def _basic(product: ProductWaitingPeriods, one: ProductWaitingPeriod, site: Site) -> Json:
    if one.ie_cpt not in (None, "S", "N"):
        raise MappingError("carencias.ie_cpt", "is neither S nor N")
    terms: list[Json] = [
        {"url": "grupo", "valueCode": one.cd_grupo},
        {"url": "descricao", "valueString": one.ds_carencia},
        {"url": "dias", "valueInteger": one.qt_dias},
        {"url": "cpt", "valueBoolean": one.ie_cpt == "S"},
    ]
    resource: Json = {
        "resourceType": "Basic",
        "id": waiting_period_id(product.nr_seq_plano, one.cd_grupo),
        "extension": [{"url": site.systems.extension("carencia"), "extension": terms}],
        "code": concept(coding(site.systems.codes("regra"), "carencia", "Carência")),
        "subject": site.reference("InsurancePlan", "tasy/plano", product.nr_seq_plano),
    }
    if product.dt_inicio_vigencia:
        resource["created"] = product.dt_inicio_vigencia.isoformat()
    return resource
