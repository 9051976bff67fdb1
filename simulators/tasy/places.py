"""Where members live and providers are: municipalities of the interior of São Paulo with their IBGE codes."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Municipality:
    """A municipality: IBGE code with its check digit, share of the members in a thousand, first digits of its CEPs."""

    code: str
    name: str
    share: int
    postal: str
    area: str
    """Of telephones."""
    position: tuple[float, float]
    """Latitude and longitude of its centre."""

    def position_of(self, number: int) -> tuple[float, float]:
        """Of the so-manieth address: within some two kilometres of the centre."""
        south, west = self.position
        return round(south + (number * 37 % 41 - 20) / 1000, 4), round(west + (number * 23 % 41 - 20) / 1000, 4)


MUNICIPALITIES = (
    Municipality("3549805", "São José do Rio Preto", 520, "150", "17", (-20.8113, -49.3758)),
    Municipality("3530300", "Mirassol", 75, "1513", "17", (-20.8169, -49.5206)),
    Municipality("3511102", "Catanduva", 70, "158", "17", (-21.1314, -48.9770)),
    Municipality("3557105", "Votuporanga", 65, "155", "17", (-20.4237, -49.9781)),
    Municipality("3505500", "Barretos", 60, "1478", "17", (-20.5531, -48.5698)),
    Municipality("3533908", "Olímpia", 45, "154", "17", (-20.7366, -48.9106)),
    Municipality("3515509", "Fernandópolis", 45, "156", "17", (-20.2806, -50.2471)),
    Municipality("3524808", "Jales", 35, "157", "17", (-20.2672, -50.5494)),
    Municipality("3504602", "Bady Bassitt", 30, "15115", "17", (-20.9197, -49.4385)),
    Municipality("3502804", "Araçatuba", 35, "160", "18", (-21.2076, -50.4401)),
    Municipality("3550308", "São Paulo", 20, "04", "11", (-23.5505, -46.6333)),
)
_SHARES = [one.share for one in MUNICIPALITIES]
_STREETS = (
    "DAS FLORES", "BERNARDINO DE CAMPOS", "VOLUNTÁRIOS DE SÃO PAULO", "GENERAL GLICÉRIO", "SÃO PAULO", "DAS ACÁCIAS",
    "DOS IPÊS", "TIRADENTES", "SETE DE SETEMBRO", "QUINZE DE NOVEMBRO", "RUI BARBOSA", "DUQUE DE CAXIAS",
    "SANTOS DUMONT", "DAS PALMEIRAS", "PRUDENTE DE MORAES", "CAMPOS SALES",
)  # fmt: skip
_QUARTERS = ("CENTRO", "BOA VISTA", "JARDIM PAULISTA", "VILA NOVA", "SÃO FRANCISCO", "PARQUE INDUSTRIAL")


@dataclass(frozen=True, slots=True)
class Address:
    """An address that nobody has."""

    street: str
    number: str
    quarter: str
    postal: str
    municipality: Municipality


def address(random: Random) -> Address:
    """One at random, in a municipality by its share."""
    where = random.choices(MUNICIPALITIES, _SHARES)[0]
    digits = 8 - len(where.postal)
    postal = where.postal + f"{random.randrange(10**digits):0{digits}d}"
    return Address(
        random.choice(_STREETS), str(random.randint(1, 3000)), random.choice(_QUARTERS), postal, where
    )  # fmt: skip
