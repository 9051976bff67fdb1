"""What can be wrong with a set of files or a line of one: the codes that receipts tell. Tasy contract, section 10.2."""

from __future__ import annotations

CODES: dict[str, str] = {
    "HUB-B101": "manifesto ilegível ou incompleto",
    "HUB-B102": "nome de arquivo fora do contrato, ou diferente do manifesto",
    "HUB-B103": "arquivo ausente, ou com tamanho ou hash diferente do manifesto",
    "HUB-B104": "assinatura ausente, inválida, vencida, revogada ou de chave desconhecida",
    "HUB-B105": "número de sequência já usado com outro conteúdo",
    "HUB-B106": "conteúdo diferente do que o manifesto anuncia",
    "HUB-B107": "sequência anterior a um conjunto completo já aplicado",
    "HUB-B201": "linha que não é um recurso FHIR em JSON",
    "HUB-B202": "recurso de outro tipo que o do arquivo",
    "HUB-B203": "referência a um recurso que não existe",
    "HUB-B204": "dígito verificador inválido",
    "HUB-B205": "código fora da tabela",
    "HUB-B206": "linha maior que 1 MB",
    "HUB-B207": "recurso inválido",
    "HUB-B208": "recurso repetido no mesmo conjunto",
}
"""B1xx: of a set, which is not applied. B2xx: of a line, the others go on."""


class SetRefused(Exception):
    """A set that is not applied: why, for the receipt and for people. Never has anything of its content."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code} {CODES[code]}: {detail}")
        self.code, self.detail = code, detail
