"""What the scanner finds, what it takes for denied or past, and that it has an answer for any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_services.triage.rule_set import rules
from care_services.triage.scanner import scan


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [
        ("não tenho dor no peito", "chest_pain", "denied"),
        ("sem febre nem dor no peito", "chest_pain", "denied"),
        ("não fui trabalhar por causa da dor no peito", "chest_pain", "present"),
        ("não sei se é dor no peito", "chest_pain", "present"),
        ("não tenho febre, mas dor no peito sim", "chest_pain", "present"),
        ("é normal ter dor no peito?", "chest_pain", "present"),
        ("do nada dor no peito", "chest_pain", "present"),
        ("nunca senti uma dor no peito assim", "chest_pain", "present"),
        ("não é só dor no peito", "chest_pain", "present"),
        ("não consigo respirar", "cannot_breathe", "present"),
        ("meu vô não acorda", "unconscious", "present"),
        ("o corte não para de sangrar", "bleeding_heavy", "present"),
        ("não sinto as pernas", "legs_weak", "present"),
        ("não aguento mais viver", "suicide_thought", "present"),
        ("tive uma convulsão em 2015", "seizure", "past"),
        ("tive dor no peito há 3 anos", "chest_pain", "past"),
        ("tive dor no peito ano passado e hoje voltou", "chest_pain", "present"),
        ("ele não, acorda e sorri", "unconscious", "none"),
        ("bebê mama, arrota e dorme", "not_feeding", "pointed"),
        ("a gata me arranhou brincando", "bite_animal", "pointed"),
        ("5 anos sem febre comendo e pulando", "not_feeding", "pointed"),
        ("3 dias sem evacuar come pouca verdura", "not_feeding", "pointed"),
        ("bebê sem febre nem mama", "not_feeding", "present"),
        ("bebê sem comer nem mamar", "not_feeding", "present"),
        ("ela nunca vomitou, brinca igual sempre", "vomiting", "denied"),
        ("nunca vomitou igual hoje", "vomiting", "present"),
        ("um cachorro da rua me mordeu", "bite_animal", "present"),
    ],
)
def test_negation_and_past(text: str, code: str, status: str) -> None:
    heard = scan(text, rules())
    found = "present" if code in heard.present() else heard.to_ask()[code].status if code in heard.to_ask() else "none"
    assert found == status


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("febre de 39,5", {"temp": 39.5}),
        ("trinta e nove e meio de febre", {"temp": 39.5}),
        ("oxímetro marcando oitenta e oito", {"sat": 88}),
        ("a saturação tá 93", {"sat": 93}),
        ("pressão 18 por 11", {"systolic": 180, "diastolic": 110}),
        ("pressão deu 190x120", {"systolic": 190, "diastolic": 120}),
        ("a pressão tá 22", {"systolic": 220}),
        ("glicemia 480", {"glucose": 480}),
        ("valor crítico 612 mg/dl", {"glucose": 612}),
        ("cicatriz da cesárea de 5 anos", {}),
        ("o dextro deu HI", {"glucose": 600}),
        ("grávida de 34 semanas", {"weeks": 34}),
        ("gravida 34 sem sangrando mto", {"weeks": 34}),
        ("bebê 20 dias com o corpo quente", {"age": 20 / 365.25, "age_days": 20}),
        ("esposa 4 dias sem fazer cocô", {}),
        ("tive bebê há 10 dias", {"postpartum_days": 10}),
        ("operei faz duas semanas", {"surgery_days": 14}),
        ("a cirurgia é daqui a 3 dias", {}),
        ("meu bebê de 40 dias", {"age_days": 40}),
        ("minha mãe de 78 anos", {"age": 78}),
        ("estou com tosse há 3 semanas", {}),
    ],
)
def test_numbers(text: str, facts: dict[str, float]) -> None:
    found = scan(text, rules()).facts
    assert {name: found.get(name) for name in facts} == pytest.approx(facts)
    if not facts:
        assert found == {}


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("ta sangrannndo mto", "bleeding"),
        ("teve uma comvulsao", "seizure"),
        ("caiu na picina e quase afogou", "drowning"),
        ("ela dezmaiou", "fainted"),
        ("falta de respirasao, nao concigo repirar", "cannot_breathe"),
        ("está com feebre", "fever"),
        ("tossindo sanngue", "coughing_blood"),
        ("teve uma convlusão", "seizure"),
        ("picada de escorpãio", "bite_scorpion"),
        ("engliu uma pilha", "button_battery"),
        ("manchhinhas rxas no corpo", "purple_spots"),
        ("comeu chuminho", "poisoning"),
        ("dor no testívulo", "testicle_pain"),
        ("vem para o é peito uma dor", "chest_pain"),
    ],
)
def test_typing_errors_of_clinical_words(typed: str, code: str) -> None:
    assert code in scan(typed, rules()).present()


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("só fala de duas em duas palavras, depois para pra puxar", "cannot_breathe"),
        ("a base do pescoço afunda cada vez que o ar entra", "ribs_sinking"),
        ("ela não dorme mais na cama, só na cadeira", "dyspnea"),
        ("faltei na máquina que limpa o sangue", "dialysis"),
        ("hoje é o último dia que eu dou trabalho pra alguém", "suicide_plan"),
        ("o botijão fez um clarão e torrou os cílios dela", "burn_severe"),
        ("tem uma tripinha pulsando lá embaixo", "cord_or_birth"),
        ("a menina sumiu uns minutos debaixo do flutuante", "drowning"),
        ("meteu o coco no meio-fio faz 15 dias", "head_injury"),
        ("primeiro formigou a sola do pé, hoje não levanto da cadeira", "legs_weak"),
        ("uísque falsificado, tô vomitando e vendo neblina", "poisoning"),
        ("perdi a conta das ferroadas que ela levou", "bites_many"),
        ("o caroço da virilha não volta mais pra dentro", "hernia_stuck"),
        ("espirrei e a cicatriz rompeu, saiu uma coisa rosada pra fora", "organ_out"),
        ("o pé dele tá preto e com catinga de carniça", "flesh_dead"),
        ("a cânula da traqueo entupiu", "cannot_breathe"),
        ("ele conversa com a geladeira e cobriu os espelhos", "psychosis"),
        ("ela tá do lado de fora da sacada com a perna balançando", "suicide_plan"),
        ("vovó quer pegar um trem que nem existe e briga com o retrato", "confused"),
        ("a língua formiga, tem um bolo que não desce e a orelha tá vermelha", "allergy_swelling"),
        ("a tampa da panela voou no teto e a blusa colou no peito", "burn_severe"),
        ("pinguei dez gotas do frasco, era do cachorro", "poisoning"),
        ("juntei cloro com ácido e subiu uma fumaça", "poisoning"),
        ("meu pai pegou a cartucheira e foi pro mato, não atende", "suicide_plan"),
        ("os dedos dele marcados no pescoço dela", "abuse_now"),
        ("escondi as facas porque tenho medo de mim", "harm_others"),
        ("não durmo há quatro dias", "psychosis"),
        ("tomei trinta rivotril pra ver se durmo", "poisoning"),
        ("tomei 30 rivotril", "poisoning"),
        ("bebeu achando que era refrigerante", "poisoning"),
        ("ele guardou meu passaporte e fecha por fora", "abuse_now"),
        ("crise tônico-clônica há 7 minutos", "seizure"),
        ("o painel veio no meu colo e prendeu a perna", "major_trauma"),
        ("tenho um rim que ganhei da minha irmã", "immune_low"),
        ("pus o isordil debaixo da língua três vezes", "chest_pain"),
        ("o cateter saiu e molhou o travesseiro", "bleeding_heavy"),
        ("meus joelhos cederam, tenho hérnia na coluna", "legs_weak"),
        ("sujei a cueca sem perceber", "sphincter_loss"),
        ("a mão dela ficou feito cera, a outra tá quente, e agora dormiu", "limb_cold"),
        ("não aguento mais, já tô com a corda", "suicide_plan"),
        ("meu pai infartou mês passado e tá com a mesma dor agora", "chest_pain"),
        ("gravida 34 sem sangrando mto", "pregnancy_bleeding"),
        ("a bombinha não está funcionando", "inhaler_fails"),
        ("do nada parei d inxerga do olho direito", "sudden_vision_loss"),
        ("só metade do rosto ri", "face_droop"),
        ("a camisinha estourou ontem", "unprotected"),
        ("ainda dá tempo da pílula do dia seguinte? foi ontem", "unprotected"),
        ("o elevador despencou com ele dentro", "major_trauma"),
        ("o galo cresceu e ela vomitou", "head_injury"),
    ],
)
def test_signs_told_without_their_word(told: str, code: str) -> None:
    assert code in scan(told, rules()).present()


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("dor de garganta, tô comendo e bebendo bem", "choking"),
        ("a caixa do meu remédio acabou, como renovo a receita?", "poisoning"),
        ("coça muito, umas bolinhas, troquei de sabão em pó", "poisoning"),
        ("carreguei saco de arroz e agora tá doendo a lombar", "testicle_pain"),
        ("tô morta de cansaço com essa gripe", "unconscious"),
        ("vou morrer de tanto rir", "dying"),
        ("só quero saber se passo pomada", "suicide_plan"),
        ("compressa de água quente na barriga alivia a cólica", "burn_severe"),
        ("queimei as costas na praia sem protetor", "burn_severe"),
        ("preciso de tétano, a última foi em 2012", "jaw_locked"),
        ("minha hérnia de disco dói faz anos", "hernia_stuck"),
        ("não, quero viver", "suicide_thought"),
        ("meu olho esquerdo fica tremendo", "seizure"),
        ("a coxa tá um pouco vermelha, 37,3, mamando bem", "not_feeding"),
        ("o app fecha por fora do nada", "abuse_now"),
        ("acordei com a mão dormente porque dormi de mau jeito, sacudi e voltou", "unconscious"),
        ("queria saber se dói fazer endoscopia, vou dormir?", "suicide_plan"),
        ("meu marido quer o cartão e fica gritando com o app", "abuse_now"),
        ("coloquei a panela no fogo e queimei o arroz", "burn_severe"),
        ("vendi o carro e hoje é o último dia pra pagar o boleto", "suicide_plan"),
        ("ele só fala duas palavrinhas, tem 1 ano e meio", "cannot_breathe"),
        ("saiu um pouquinho de sangue no papel", "bleeding_heavy"),
        ("fala com gente não?", "confused"),
        ("levei uma ferroada de abelha no pé, inchou um pouco", "bite_snake"),
        ("meu adesivo de hormônio descolou, colo outro?", "poisoning"),
        ("desde a gripe não sinto cheiro", "poisoning"),
        ("minha avó toma 9 remédios, dá pra alguém revisar?", "poisoning"),
        ("cansada de falar com robô", "dyspnea"),
        ("o reajuste foi abusivo", "abuse_told"),
        ("meu filho derrubou o frasco, consigo outro", "abuse_told"),
        ("meu ouvido tá purgando um líquido amarelado desde sábado", "head_injury_sign"),
        ("me mata de raiva esse menu", "suicide_thought"),
        ("o Corinthians ainda me mata do coração", "suicide_thought"),
        ("tô sem ar de tanto correr atrás dessa guia", "cannot_breathe"),
        ("fiquei sem ar quando vi o valor da fatura", "cannot_breathe"),
        ("robô, você só repete a mesma coisa", "confused"),
        ("essa máquina não entende nada do que eu falo", "speech_trouble"),
        ("não consigo falar com nenhum atendente", "speech_trouble"),
        ("minha mãe não sabe mexer com isso", "unconscious"),
        ("meu advogado não atende nem responde", "unconscious"),
        ("essa negativa tá entalada na garganta", "choking"),
        ("tem hospital em Cascavel, moro em Cascavel", "bite_snake"),
        ("o plano cobre tratamento de AVC?", "speech_trouble"),
        ("desculpa a demora em responder", "drowsy"),
        ("deu confusão no meu cadastro, fiz confusão com as datas", "confused"),
        ("queda de cabelo kkk não caí não", "poisoning"),
        ("tá me matando kkk durmo mal", "poisoning"),
        ("meu filho de 5 anos come, bebe e faz xixi normal", "baby_known"),
        ("ele bebe faz anos", "baby_known"),
        ("estou falando com a parede, me passa um atendente", "confused"),
        ("estou conversando com um poste, é isso?", "psychosis"),
    ],
)
def test_everyday_words_are_no_sign(told: str, code: str) -> None:
    assert code not in scan(told, rules()).present()


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("eu quero me matar", "suicide_thought"),
        ("o jogo acabou e ele disse que vai se matar", "suicide_thought"),
        ("meu marido ficou sem ar de tanto tossir", "cannot_breathe"),
        ("minha avó repete a mesma coisa e não sabe que dia é", "confused"),
        ("ela não entende nada do que eu falo, começou agora", "speech_trouble"),
        ("meu pai não consegue falar direito", "speech_trouble"),
        ("meu pai tá aqui no chão e não responde", "unconscious"),
        ("não sabe mexer o braço, não consegue mexer", "unconscious"),
        ("a bebê engasgou e tá roxa", "choking"),
        ("pisei em uma cascavel", "bite_snake"),
        ("foi picada de cascavel", "bite_snake"),
        ("acho que é um AVC", "speech_trouble"),
        ("ela demora em responder, tá mole", "drowsy"),
        ("meu pai tá com confusão na cabeça", "confused"),
        ("ele fumou k9 e tá passando mal", "poisoning"),
        ("meu bebe nao mama", "baby_known"),
        ("mama pouco e o bebe ta mole", "baby_known"),
        ("minha mãe tava falando com a parede", "confused"),
    ],
)
def test_the_same_words_of_a_body_are_a_sign(told: str, code: str) -> None:
    assert code in scan(told, rules()).present()


@pytest.mark.parametrize("word", ["banco", "peixe", "perto", "conta", "plano", "consulta", "carteirinha", "boleto"])
def test_other_words_stay(word: str) -> None:
    assert scan(word, rules()).words.words == (word,)


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    for hit in scan(text, rules()).hits:
        assert hit.quote == text[hit.start : hit.end]
