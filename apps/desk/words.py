"""What the pages say, in Portuguese and English; words of codes; moments in the plan's zone. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

LANGUAGES = ("pt", "en")
ZONE = ZoneInfo("America/Sao_Paulo")

WORDS: Mapping[str, tuple[str, str]] = {
    "app": ("Mesa de atendimento", "Desk"),
    "skip": ("Ir para o conteúdo", "Skip to content"),
    "welcome": (
        "Os casos que o atendimento automático deixou para pessoas: por prazo, por prioridade, por mesa.",
        "The cases that the automated service left to people: by promise, by priority, by desk.",
    ),
    "sign in": ("Entrar", "Sign in"),
    "sign out": ("Sair", "Sign out"),
    "signed in": ("Você", "You"),
    "other language": ("English", "Português"),
    "failed": ("Não foi possível continuar", "This cannot go on"),
    "expired": ("Sua sessão terminou", "Your session is over"),
    "again": ("Entre de novo para continuar.", "Sign in again to go on."),
    "queue": ("Fila", "Queue"),
    "open": ("Todos em aberto", "All open"),
    "waiting": ("Sem responsável", "Nobody's"),
    "mine": ("Meus", "Mine"),
    "all desks": ("Todas as mesas", "All desks"),
    "nobody": ("sem responsável", "nobody's"),
    "you": ("você", "you"),
    "empty": ("Nada na fila. Ela se atualiza sozinha.", "Nothing in the queue. It keeps itself up to date."),
    "keys": (
        "Teclado: J e K andam pela fila, Enter abre, R responde, U volta à fila.",
        "Keyboard: J and K walk the queue, Enter opens, R answers, U goes back to the queue.",
    ),
    "late": ("atrasado {n} min", "{n} min late"),
    "left": ("faltam {n} min", "{n} min left"),
    "promise": ("Prazo", "Promise"),
    "what": ("O quê", "What"),
    "who": ("Responsável", "Owner"),
    "why": ("Motivo", "Reason"),
    "protocol": ("Protocolo", "Protocol"),
    "level": ("Urgência", "Urgency"),
    "escalated": ("subiu de mesa", "moved up"),
    "since": ("Desde", "Since"),
    "conversation": ("Conversa", "Conversation"),
    "service": ("Atendimento automático", "Automated service"),
    "member": ("Beneficiário", "Member"),
    "call": ("Ligar", "Call"),
    "no talk": ("Nenhuma mensagem.", "No message."),
    "part of talk": (
        "A conversa a partir do pedido. O que foi dito antes não é desta mesa.",
        "The conversation from the request on. What was said before is not this desk's.",
    ),
    "found": ("O que foi encontrado", "What was found"),
    "findings": ("Achados, com as palavras da pessoa", "Findings, in the person's words"),
    "rules": ("Regras", "Rules"),
    "said": ("O que já foi dito", "What was said already"),
    "levels": ("Níveis", "Levels"),
    "by rules": ("pelas regras", "by the rules"),
    "preliminary": ("a revisar", "to be reviewed"),
    "final": ("revisado", "reviewed"),
    "flagged": ("sinalizado no prontuário", "flagged in the record"),
    "appointments": ("Consultas", "Appointments"),
    "take": ("Assumir", "Take"),
    "release": ("Soltar o caso", "Release the case"),
    "done release": ("O caso voltou à fila.", "The case is back in the queue."),
    "decided elsewhere": (
        "Este pedido é decidido pela operação própria do registro, não aqui.",
        "This request is decided by the record's own operation, not here.",
    ),
    "answer": ("Responder na conversa", "Answer in the conversation"),
    "answer hint": (
        "Sai do número para o qual a pessoa escreveu, com seu nome no registro.",
        "Goes from the number the person wrote to, with your name in the record.",
    ),
    "send": ("Enviar", "Send"),
    "change level": ("Urgência", "Urgency"),
    "reason": ("Por quê", "Why"),
    "keep level": ("Registrar", "Record"),
    "book": ("Marcar consulta", "Book an appointment"),
    "start": ("Quando", "When"),
    "minutes": ("Duração (min)", "Minutes"),
    "description": ("Para quê", "What for"),
    "sure": ("Está confirmada", "It is confirmed"),
    "tell": ("Dizer à pessoa", "Tell the person"),
    "tell hint": ("Deixe vazio para não enviar nada.", "Leave empty to send nothing."),
    "give back": ("Devolver a conversa ao atendimento automático", "Give the talk back to the automated service"),
    "give back short": ("Devolver a conversa", "Give the talk back"),
    "close": ("Encerrar", "Close"),
    "outcome": ("Desfecho", "Outcome"),
    "note": ("Observação", "Note"),
    "closed": ("Encerrado", "Closed"),
    "window left": ("Pode escrever até {at}.", "Can be written to until {at}."),
    "window closed": (
        "A janela de 24 horas fechou: nada pode ser escrito. Ligue para a pessoa.",
        "The 24-hour window is closed: nothing can be written. Call the person.",
    ),
    "taken": ("{owner} já assumiu este caso.", "{owner} has taken this case already."),
    "take first": ("Assuma o caso primeiro.", "Take the case first."),
    "no level": ("Não há nível para revisar neste caso.", "There is no level to review in this case."),
    "say why": ("Escolha o nível e diga por quê.", "Choose the level and say why."),
    "past": ("A hora da consulta já passou, ou falta.", "The time of the appointment is past, or missing."),
    "nothing said": ("Escreva o que deve ser enviado.", "Write what is to be sent."),
    "say what came of it": ("Escolha o desfecho.", "Choose the outcome."),
    "not allowed": ("Seu papel não permite isso.", "Your role does not allow this."),
    "refused": (
        "O registro não aceitou; nada foi mudado. Recarregue e tente de novo.",
        "The record did not take it; nothing was changed. Reload and try again.",
    ),
    "changed": (
        "O caso mudou enquanto você escrevia. Olhe de novo e repita.",
        "The case changed while you wrote. Look again and repeat.",
    ),
    "unknown you": (
        "O servidor não diz quem você é; nada pode ser assinado.",
        "The server does not tell who you are; nothing can be signed.",
    ),
    "done take": ("O caso é seu.", "The case is yours."),
    "done answer": ("Enviado.", "Sent."),
    "done level": ("Nível registrado.", "Level recorded."),
    "done book": ("Consulta registrada.", "Appointment recorded."),
    "done return": ("A conversa voltou ao atendimento automático.", "The talk is the service's again."),
    "done close": ("Caso encerrado.", "Case closed."),
    "not yours": ("Este caso não é da sua mesa, ou não existe.", "This case is not your desk's, or does not exist."),
}
"""Key -> Portuguese, English."""

CODES: Mapping[str, tuple[str, str]] = {
    "nurse-callback": ("Retorno da enfermagem", "Nurse callback"),
    "pharmacist": ("Farmácia", "Pharmacist"),
    "service-desk": ("Central de atendimento", "Service desk"),
    "phone-contact": ("Contato por telefone", "Phone contact"),
    "data-subject-request": ("Pedido sobre dados", "Data subject request"),
    "nurse": ("Enfermagem", "Nurses"),
    "physician": ("Médicos", "Physicians"),
    "coordinator": ("Coordenação", "Coordination"),
    "privacy-officer": ("Privacidade", "Privacy"),
    "line": ("Central 24 h", "24 h line"),
    "stat": ("imediata", "at once"),
    "asap": ("muito urgente", "very urgent"),
    "routine": ("rotina", "routine"),
    "emergency": ("Emergência", "Emergency"),
    "very-urgent": ("Muito urgente", "Very urgent"),
    "urgent": ("Urgente", "Urgent"),
    "less-urgent": ("Pouco urgente", "Less urgent"),
    "non-urgent": ("Não urgente", "Non-urgent"),
    "solved": ("Resolvido", "Solved"),
    "advised": ("Orientado", "Advised"),
    "sent-to-care": ("Encaminhado a atendimento", "Sent to care"),
    "not-reached": ("Não localizado", "Not reached"),
    "not-needed": ("Não era necessário", "Not needed"),
    "unknown": ("não se sabe se saiu", "nobody knows whether it went out"),
    "not-done": ("não enviado", "not sent"),
    "accepted": ("aceito pelo canal", "accepted by the channel"),
    "sent": ("enviado", "sent"),
    "delivered": ("entregue", "delivered"),
    "read": ("lido", "read"),
    "failed": ("falhou", "failed"),
    "queued": ("na fila de envio", "to be sent"),
    "summary": ("O que não chegou à pessoa", "What did not reach the person"),
    "telephone": ("Telefone", "Telephone"),
    "wants a person": ("quer falar com uma pessoa", "wants a person"),
    "authorization": ("autorização", "authorization"),
    "appointment": ("consulta", "appointment"),
    "medication": ("medicamento", "medication"),
    "general": ("outros assuntos", "general"),
    "review, the same day": ("revisar no mesmo dia", "review, the same day"),
    "review, the next working day": ("revisar no próximo dia útil", "review, the next working day"),
    "left the interview": ("deixou as perguntas no meio", "left the interview"),
    "an interview without answer": ("parou de responder às perguntas", "an interview without answer"),
    "was not understood": ("não foi entendido", "was not understood"),
    "the same again and again": ("a mesma coisa várias vezes", "the same again and again"),
    "cancels a request": ("cancela um pedido", "cancels a request"),
    "asks for a review of an automated result": (
        "pede revisão de um resultado automático",
        "asks for a review of an automated result",
    ),
    "a message that a person must hear or see": (
        "uma mensagem que uma pessoa precisa ouvir ou ver",
        "a message that a person must hear or see",
    ),
    "where somebody is": ("diz onde está", "says where they are"),
    "position": ("Onde a pessoa está (latitude, longitude)", "Where the person is (latitude, longitude)"),
    "place": ("O que a pessoa disse do lugar", "What the person said of the place"),
    "it was not sent in time": ("a mensagem não saiu a tempo", "it was not sent in time"),
    "it cannot be written": ("não se pode escrever para a pessoa", "it cannot be written"),
    "proposed": ("proposta", "proposed"),
    "booked": ("marcada", "booked"),
    "cancelled": ("cancelada", "cancelled"),
}
"""Code -> Portuguese, English."""

Say = Callable[..., str]


def speaker(language: str) -> tuple[Say, Callable[[str], str]]:
    """(words by key, with slots; words by code) of a language. A key that does not exist raises KeyError."""
    position = LANGUAGES.index(language)

    def say(key: str, **slots: object) -> str:
        return WORDS[key][position].format(**slots)

    def code(value: str) -> str:
        return CODES[value][position] if value in CODES else value

    return say, code


def language_of(chosen: str | None, accept: str) -> str:
    """Language of a page: what the person chose, else the first known one of Accept-Language, else Portuguese."""
    if chosen in LANGUAGES:
        return str(chosen)
    for part in accept.split(","):
        tag = part.partition(";")[0].strip().lower().partition("-")[0]
        if tag in LANGUAGES:
            return tag
    return LANGUAGES[0]


def moment(value: str, language: str) -> str:
    """An instant in the plan's zone: "28/11 14:20", in English "28 Nov 14:20"; "" for none."""
    if len(value) < 19:
        return value
    form = "%d/%m %H:%M" if language == "pt" else "%d %b %H:%M"
    return datetime.fromisoformat(value).astimezone(ZONE).strftime(form)
