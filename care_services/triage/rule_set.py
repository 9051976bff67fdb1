"""The rules as data: read once from `rules/`, checked as a whole, and refused as a whole. Their version and signature
stand in `rules/version.toml`; the digest there says which data was signed."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from itertools import chain, product
from pathlib import Path
from typing import Any, Self, TypeVar

from care_services.triage.answers import Answers, Measure
from care_services.triage.conditions import BadCondition, Condition, condition
from care_services.triage.everyday import Everyday, weights
from care_services.triage.levels import LEVELS
from care_services.triage.lexicon import Lexicon
from care_services.triage.normal import folded
from care_services.triage.opposites import Opposites, read_opposites
from care_services.triage.patterns import BadPattern, Pattern, pattern
from care_services.triage.spelling import TWO_SLIPS, Spelling
from care_services.triage.subjects import Subjects, read_subjects

RULES = Path(__file__).parent / "rules"
_SPOKEN = {
    "ou": re.compile("(?<=[a-z]{3})ou$"),
    "ndo": re.compile("(?<=[a-z]{2})ndo$"),
    "r": re.compile("(?<=[a-z]{3}[aei])r$"),
}
_WORDS = re.compile(r"\d[^_]*|[^\W\d_]+\*?|\*")
KINDS = ("sign", "condition", "person")


class BadRules(ValueError):
    """The rules contradict themselves or name what is not there; the text lists every fault."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A word of the closed vocabulary: what it is called, how it is asked, what kind of thing it is."""

    code: str
    label: str
    ask: str
    kind: str
    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that makes a level: a red flag, a pair, or a floor (whose level is one more than the complaint's)."""

    id: str
    title: str
    level: str
    when: Condition

    @property
    def conditions(self) -> tuple[Condition]:
        """Those that make it hold."""
        return (self.when,)


@dataclass(frozen=True, slots=True)
class Complaint:
    """A complaint table: how it is recognised, its least level, its own red-flag questions."""

    id: str
    title: str
    when: tuple[Condition, ...]
    level: str
    ask: tuple[str, ...]

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Those that make it hold, each by itself."""
        return self.when


_Held = TypeVar("_Held", Rule, Complaint)


class Held(tuple[_Held, ...]):
    """Those that one of their conditions makes hold, in their order, found by the findings and facts they may hold by:
    every message is asked."""

    _by_name: Mapping[str, tuple[int, ...]]

    def __new__(cls, members: Iterable[Any]) -> Self:
        made = super().__new__(cls, members)
        by_name: dict[str, set[int]] = defaultdict(set)
        for at, one in enumerate(made):
            for when in one.conditions:  # without one of its scarcest part a condition cannot hold
                for atom in min(when.parts, key=len):
                    by_name[atom.name].add(at)
        made._by_name = {name: tuple(found) for name, found in by_name.items()}
        return made

    def that_may_hold(self, *names: Collection[str]) -> Iterator[_Held]:
        """Those that what is known, and no others, may make hold."""
        known = chain.from_iterable(names)
        return (self[at] for at in sorted({at for name in known for at in self._by_name.get(name, ())}))


@dataclass(frozen=True, slots=True)
class Circumstance:
    """What a story points to, and the red-flag questions that belong to it."""

    id: str
    title: str
    when: tuple[Condition, ...]
    ask: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """What the scanner knows about "não" and about the past."""

    reach: int
    negators: frozenset[str]
    stops: frozenset[str]
    lets_through: frozenset[str]
    to_conditions: frozenset[str]
    """Lets "não" through to a condition besides."""


@dataclass(frozen=True, eq=False)
class RuleSet:
    """Everything that triage decides by. Equal to itself alone, so that what was read by it can be kept by it."""

    version: str
    status: str
    signature: str
    digest: str
    findings: Mapping[str, Finding]
    lexicon: Lexicon
    by_key: Mapping[str, tuple[tuple[str, Pattern], ...]]
    spellings: Mapping[str, tuple[str, ...]]
    spelling: Spelling
    negation: Negation
    subjects: Subjects
    answers: Answers
    flags: Held[Rule]
    pairs: Held[Rule]
    floors: Held[Rule]
    caution: Held[Rule]
    unknown: Held[Rule]
    complaints: Held[Complaint]
    circumstances: tuple[Circumstance, ...]
    screen: Mapping[str, Any]
    texts: Mapping[str, str]
    everyday: Everyday


@cache
def rules() -> RuleSet:
    """The rules that the hub ships. Raises BadRules."""
    return read(RULES)


def digest_of(folder: Path) -> str:
    """SHA-256 over every file but the one that holds it."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "version.toml":
            whole.update(f"{path.relative_to(folder).as_posix()}\n".encode() + path.read_bytes())
    return whole.hexdigest()


def read(folder: Path) -> RuleSet:
    """The rules in a folder. Raises BadRules with every fault there is."""
    faults: list[str] = []
    version = _toml(folder / "version.toml")
    digest = digest_of(folder)
    if version.get("signature") and version.get("digest") != digest:
        faults.append("version.toml: the rules are not those that were signed")
    concepts = {
        name: _forms(forms)
        for path in sorted((folder / "lexicon").glob("*.toml"))
        for name, forms in _toml(path).items()
    }
    negation = _toml(folder / "negation.toml")
    findings = _findings(folder / "findings", concepts, faults)
    entries: dict[str, set[str]] = {name: set(forms) for name, forms in concepts.items()}
    by_key: dict[str, list[tuple[str, Pattern]]] = defaultdict(list)
    for finding in findings.values():
        for one in finding.patterns:
            for key in one.elements[0]:
                by_key[key].append((finding.code, one))
            for literal in one.literals():
                entries.setdefault("=" + literal, set()).update(_forms(literal))
    figurative = " ".join(_toml(folder / "figurative.toml").values())
    entries["#mask"] = set(_expanded(f"{negation['masks']} {figurative}"))
    entries["#history"] = set(_forms(negation["history"]))
    entries["#now"] = set(_forms(negation["now"]))
    told_of = _toml(folder / "subjects.toml")
    entries["#person"] = set(_forms(told_of.get("persons", "")))
    subjects = read_subjects(told_of, _forms, findings.keys(), faults)
    lexicon = Lexicon(
        {name: forms | {said for form in forms for said in spoken(form)} for name, forms in entries.items()}
    )
    grammar = {form for forms in _toml(folder / "lexicon" / "grammar.toml").values() for form in _forms(forms)}
    clinical = {form for name, forms in entries.items() if name[0] != "#" for form in forms if "_" not in form} - {
        form for form in grammar if form.endswith("*") or len(form) < TWO_SLIPS - 2
    }
    common = frozenset((folder / "common_words.txt").read_text().split())
    codes = findings.keys()
    read_rules = {
        name: _rules(_toml(folder / f"{name}.toml"), name, codes, faults)
        for name in ("flags", "pairs", "floors", "caution", "unknown")
    }
    complaints = _complaints(_toml(folder / "complaints.toml"), codes, faults)
    circumstances = _circumstances(_toml(folder / "circumstances.toml"), codes, faults)
    opposites = read_opposites(_toml(folder / "opposites.toml"), codes, faults)
    answers = _answers(_toml(folder / "answers.toml"), opposites, codes, faults)
    everyday = _everyday(folder, faults)
    screen = _toml(folder / "screen.toml")
    faults += [
        f"screen.toml: no finding {code!r}" for row in screen["rows"] for code in row["findings"] if code not in codes
    ]
    if faults or answers is None or everyday is None or subjects is None:
        raise BadRules("\n".join(faults))
    return RuleSet(
        version=version["version"], status=version["status"], signature=version["signature"], digest=digest,
        findings=findings, lexicon=lexicon, by_key={key: tuple(found) for key, found in by_key.items()},
        spellings={
            folded(short): tuple(folded(word) for word in meant.split())
            for short, meant in _toml(folder / "spelling.toml").items()
        },
        spelling=Spelling(clinical, common, lexicon.knows, lexicon.names, lexicon.whole),
        negation=Negation(
            negation["reach"], frozenset(negation["negators"].split()), frozenset(negation["stops"].split()),
            frozenset(negation["lets_through"].split()), frozenset(negation["lets_through_to_conditions"].split()),
        ),
        subjects=subjects, answers=answers,
        flags=read_rules["flags"], pairs=read_rules["pairs"], floors=read_rules["floors"],
        caution=read_rules["caution"], unknown=read_rules["unknown"], complaints=complaints,
        circumstances=circumstances, screen=screen, texts=_toml(folder / "texts.toml"),
        everyday=everyday,
    )  # fmt: skip


def _answers(
    written: dict[str, Any], opposites: Opposites | None, codes: Collection[str], faults: list[str]
) -> Answers | None:
    """What replies are read by; None, and faults, where that cannot be."""
    found, names = {}, {one.name for one in fields(Answers)} - {"measures", "opposites"}
    measures = {code: Measure(**body) for code, body in written.pop("measures", {}).items()}
    faults += [f"answers.toml: no finding {code!r}" for code in sorted(measures.keys() - codes)]
    faults += [f"answers.toml: {name} is missing" for name in sorted(names - written.keys())]
    for name, lines in written.items():
        try:
            found[name] = re.compile("".join(lines.splitlines()))
        except re.error as error:
            faults.append(f"answers.toml: {name} is no regular expression: {error}")
        if name not in names:
            faults.append(f"answers.toml: nothing is read by {name!r}")
    if found.keys() != names or opposites is None:
        return None
    return Answers(**found, measures=measures, opposites=opposites)


def _everyday(folder: Path, faults: list[str]) -> Everyday | None:
    """What tells how everyday a story sounds; None, and a fault, where that cannot be read."""
    learnt = _toml(folder / "everyday.toml")
    try:
        words = weights((folder / "everyday_words.txt").read_text().splitlines(), learnt["scale"])
        return Everyday(words, learnt["below"], learnt["above"], learnt["learnt"])
    except (KeyError, ValueError) as error:
        faults.append(f"everyday.toml, everyday_words.txt: {error}")
        return None


def spoken(form: str) -> set[str]:
    """How a form is said and hence typed: "parou" paro, "sangrando" sangrano, "respirar" respira."""
    return {"_".join(said) for said in zip(*map(_spoken, form.split("_")), strict=True)} - {form}


@lru_cache(maxsize=65536)  # phrases share their words
def _spoken(part: str) -> tuple[str, ...]:
    return tuple(_SPOKEN[ending].sub(said, part) for ending, said in (("ou", "o"), ("ndo", "no"), ("r", "")))


def _toml(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return tomllib.load(file)


def _expanded(written: str) -> list[str]:
    """Phrases, each word of which may be one of several: "plano|convenio_nao_respond*"."""
    ways = (product(*(part.split("|") for part in form.split("_"))) for form in written.split())
    return _forms(" ".join("_".join(parts) for some in ways for parts in some))


def _forms(written: str) -> list[str]:
    """ "Caixa_do_Peito respir* k9" as the lexicon compares them: words, "*" for any, numbers as written ("k_9")."""
    return ["_".join(word for part in form.split("_") for word in _words(part)) for form in written.split()]


@lru_cache(maxsize=65536)
def _words(part: str) -> tuple[str, ...]:
    found = _WORDS.findall(part)
    return tuple(word if word[0].isdigit() else folded(word) + "*" * word.endswith("*") for word in found)


def _findings(folder: Path, concepts: Mapping[str, Any], faults: list[str]) -> dict[str, Finding]:
    found: dict[str, Finding] = {}
    for path in sorted(folder.glob("*.toml")):
        for code, body in _toml(path).items():
            patterns = []
            for source in body["patterns"]:
                try:
                    one = pattern(source)
                except BadPattern as error:
                    faults.append(f"{path.name} {code}: {error}")
                    continue
                faults += [
                    f"{path.name} {code}: {source!r}: no concept {name!r}"
                    for name in one.concepts()
                    if name not in concepts
                ]
                patterns.append(one)
            kind = body.get("kind", "sign")
            if code in found or kind not in KINDS or not body["ask"].endswith("?") or not body["label"]:
                faults.append(f"{path.name} {code}: twice, of no known kind, or without label or question")
            found[code] = Finding(code, body["label"], body["ask"], kind, tuple(patterns))
    return found


def _rules(written: dict[str, Any], name: str, codes: Any, faults: list[str]) -> Held[Rule]:
    made = []
    for id_, body in written.items():
        conditions = [
            (level, source)
            for level in ("emergency", "very-urgent")
            for source in body.get(level.replace("-", "_"), ())
        ]
        if "when" in body:
            conditions.append((body.get("level", LEVELS[0]), body["when"]))
        for level, source in conditions:
            try:
                made.append(Rule(id_, body["title"], LEVELS[LEVELS.index(level)], condition(source, codes)))
            except (BadCondition, ValueError) as error:
                faults.append(f"{name}.toml {id_}: {error}")
    return Held(made)


def _complaints(written: dict[str, Any], codes: Any, faults: list[str]) -> Held[Complaint]:
    made = []
    for id_, body in written.items():
        when, ask = _when_and_ask("complaints.toml", id_, body, codes, faults)
        if body["level"] not in LEVELS:
            faults.append(f"complaints.toml {id_}: no level {body['level']!r}")
        made.append(Complaint(id_, body["title"], when, body["level"], ask))
    return Held(made)


def _circumstances(written: dict[str, Any], codes: Any, faults: list[str]) -> tuple[Circumstance, ...]:
    return tuple(
        Circumstance(id_, body["title"], *_when_and_ask("circumstances.toml", id_, body, codes, faults))
        for id_, body in written.items()
    )


def _when_and_ask(
    file: str, id_: str, body: dict[str, Any], codes: Any, faults: list[str]
) -> tuple[tuple[Condition, ...], tuple[str, ...]]:
    """How a table is recognised and what it asks; what is wrong with it joins the faults."""
    when = []
    for source in body["when"]:
        try:
            when.append(condition(source, codes))
        except BadCondition as error:
            faults.append(f"{file} {id_}: {error}")
    faults += [f"{file} {id_}: no finding {code!r}" for code in body["ask"] if code not in codes]
    return tuple(when), tuple(body["ask"])
