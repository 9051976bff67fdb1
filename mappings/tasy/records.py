"""What Tasy says and is told over REST, fields named as Tasy names them. Contract sections 4 to 8.

`nr_seq_*` are integers; codes, documents, cards and postal codes are text, for their zeros count; money is text with
two decimals; times are local. Whatever the contract lets be absent is None. Codes stay text: which of them are known is
for the mappings to say.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, Struct

Key = Annotated[int, Meta(ge=1, lt=10**10)]
Money = Annotated[str, Meta(pattern=r"^-?[0-9]{1,12}\.[0-9]{2}$")]
Count = Annotated[int, Meta(ge=0)] | Annotated[float, Meta(ge=0)]


class Record(Struct, frozen=True):
    """Of all; unknown fields are drift, not errors."""


# Refusals


class RefusalDetail(Record, frozen=True):
    nm_campo: str | None = None
    vl_informado: str | None = None
    cd_motivo_tiss: str | None = None


class Refusal(Record, frozen=True):
    cd_erro: str
    ds_erro: str | None = None
    ie_tipo: str | None = None
    ie_reenviar: str | None = None
    nr_correlacao: str | None = None
    dt_erro: datetime | None = None
    nr_seq_guia: Key | None = None
    """Of PLS-4091: the guide that is there already."""
    detalhes: list[RefusalDetail] = []


class Reason(Record, frozen=True):
    cd_motivo_tiss: str | None = None
    ds_motivo: str | None = None
    ds_fundamento: str | None = None


# RT-1


class ProcedureAsked(Record, frozen=True):
    nr_item: int
    cd_procedimento: str
    ie_origem_proced: int
    qt_solicitada: Count


class EligibilityRequest(Record, frozen=True):
    dt_atendimento: str
    cd_usuario_plano: str | None = None
    nr_cpf: str | None = None
    nr_cartao_nac_sus: str | None = None
    nr_seq_prestador: Key | None = None
    ie_carater: str = "E"
    procedimentos: list[ProcedureAsked] = []


class Member(Record, frozen=True):
    nr_seq_segurado: Key
    cd_pessoa_fisica: str
    nm_pessoa_fisica: str
    ie_situacao: str
    nm_social: str | None = None
    dt_nascimento: date | None = None
    ie_sexo: str | None = None
    nr_cpf: str | None = None
    nr_cartao_nac_sus: str | None = None
    nr_seq_titular: Key | None = None
    cd_parentesco_sib: str | None = None
    dt_contratacao: date | None = None
    dt_rescisao: date | None = None
    dt_limite_utilizacao: date | None = None


class Card(Record, frozen=True):
    cd_usuario_plano: str
    nr_via: int | None = None
    dt_validade_carteira: date | None = None


class Plan(Record, frozen=True):
    nr_seq_plano: Key
    ds_plano: str | None = None
    nr_protocolo_ans: str | None = None
    ie_segmentacao: str | None = None
    ie_acomodacao: str | None = None
    ie_abrangencia: str | None = None
    ie_coparticipacao: str | None = None


class WaitingPeriod(Record, frozen=True):
    ds_carencia: str
    dt_fim: date | None = None
    ie_cpt: str | None = None


class ProductWaitingPeriod(Record, frozen=True):
    cd_grupo: str
    ds_carencia: str
    qt_dias: Annotated[int, Meta(ge=0)]
    ie_cpt: str | None = None


class ProductWaitingPeriods(Record, frozen=True):
    """Of a product: how long a new member waits for each group of procedures. Contract 10.3, B-3."""

    nr_seq_plano: Key
    carencias: list[ProductWaitingPeriod]
    dt_inicio_vigencia: date | None = None


class EligibilityItem(Record, frozen=True):
    nr_item: int
    ie_cobertura: str
    ie_exige_autorizacao: str | None = None
    ie_dut: str | None = None
    motivos: list[Reason] = []


class EligibilityReply(Record, frozen=True):
    ie_elegivel: str
    dt_consulta: datetime
    nr_protocolo: str
    segurado: Member
    carteira: Card
    plano: Plan | None = None
    carencias: list[WaitingPeriod] = []
    itens: list[EligibilityItem] = []
    motivos: list[Reason] = []


# RT-2


class Requester(Record, frozen=True):
    nr_seq_prestador: Key
    nm_profissional: str
    cd_conselho: str
    nr_conselho: str
    cd_uf_conselho: str
    cd_cbo: str


class Performer(Record, frozen=True):
    nr_seq_prestador: Key
    cd_cnes: str | None = None


class ItemAsked(Record, frozen=True):
    nr_item: int
    cd_tabela: str
    cd_procedimento: str
    qt_solicitada: Count
    ds_observacao: str | None = None


class Admission(Record, frozen=True):
    ie_tipo: str
    ie_regime: str
    qt_diarias: int
    cd_acomodacao: str | None = None
    dt_sugerida: str | None = None
    ie_opme: str = "N"
    ie_quimio: str = "N"


class AuthorizationRequest(Record, frozen=True):
    cd_guia_prestador: str
    ie_tipo_guia: str
    ie_carater: str
    dt_solicitacao: str
    cd_usuario_plano: str
    solicitante: Requester
    itens: list[ItemAsked]
    executante: Performer | None = None
    ie_etapa: str = "1"
    cd_guia_principal: str | None = None
    ie_recem_nascido: str = "N"
    ie_tipo_ident: str | None = None
    cd_ausencia_validacao: str | None = None
    ds_indicacao_clinica: str | None = None
    cids: list[str] = []
    ie_acidente: str = "9"
    internacao: Admission | None = None


class ItemDecided(Record, frozen=True):
    nr_item: int
    ie_status: str
    qt_solicitada: Count
    qt_autorizada: Count
    motivos: list[Reason] = []


class AuthorizationReply(Record, frozen=True):
    nr_seq_guia: Key
    nr_protocolo: str
    cd_status: str
    itens: list[ItemDecided]
    cd_guia_operadora: str | None = None
    cd_senha: str | None = None
    dt_autorizacao: datetime | None = None
    dt_validade_senha: date | None = None
    dt_limite_resposta: date | None = None
    ie_analise_humana: str | None = None
    nm_auditor: str | None = None


# RT-3


class ProviderAddress(Record, frozen=True):
    nr_seq: int
    ds_endereco: str | None = None
    cd_tipo_logradouro: str | None = None
    nr_endereco: str | None = None
    ds_complemento: str | None = None
    ds_bairro: str | None = None
    ds_municipio: str | None = None
    cd_municipio_ibge: str | None = None
    sg_uf: str | None = None
    cd_cep: str | None = None
    nr_ddd: str | None = None
    nr_telefone: str | None = None
    nr_latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    nr_longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    """Degrees, of installations that know them."""


class Specialty(Record, frozen=True):
    cd_cbo: str
    ds_especialidade: str | None = None
    nr_rqe: str | None = None
    nr_seq_endereco: int | None = None
    dt_inicio: date | None = None
    dt_fim: date | None = None


class NetworkPlan(Record, frozen=True):
    nr_seq_plano: Key
    dt_inicio: date | None = None
    dt_fim: date | None = None


class StaffMember(Record, frozen=True):
    nr_seq_prestador: Key
    dt_inicio: date | None = None
    dt_fim: date | None = None


class Provider(Record, frozen=True):
    nr_seq_prestador: Key
    ie_tipo_pessoa: str
    ie_situacao: str
    cd_prestador: str | None = None
    cd_cgc: str | None = None
    nr_cpf: str | None = None
    cd_cnes: str | None = None
    ds_razao_social: str | None = None
    nm_fantasia: str | None = None
    nr_conselho: str | None = None
    cd_conselho: str | None = None
    cd_uf_conselho: str | None = None
    ie_guia_medico: str | None = None
    ie_publica_ans: str | None = None
    ie_urgencia_emergencia: str | None = None
    ie_relacao: str | None = None
    dt_inicio_contrato: date | None = None
    dt_exclusao: date | None = None
    dt_atualizacao: datetime | None = None
    enderecos: list[ProviderAddress] = []
    especialidades: list[Specialty] = []
    planos: list[NetworkPlan] = []
    corpo_clinico: list[StaffMember] = []


# RT-4


class Denial(Record, frozen=True):
    cd_motivo_tiss: str
    vl_glosa: Money


class BillItem(Record, frozen=True):
    nr_item: int
    cd_procedimento: str
    qt_apresentada: Count
    qt_liberada: Count
    vl_apresentado: Money
    vl_liberado: Money
    glosas: list[Denial] = []


class Bill(Record, frozen=True):
    nr_seq_conta: Key
    vl_apresentado: Money
    vl_liberado: Money
    vl_glosa: Money
    cd_guia_prestador: str | None = None
    cd_senha: str | None = None
    vl_coparticipacao: Money | None = None
    itens: list[BillItem] = []


class Protocol(Record, frozen=True):
    nr_protocolo: str
    cd_status_protocolo: str
    nr_seq_prestador: Key
    nr_lote: str | None = None
    dt_envio: date | None = None
    dt_previsao_pagamento: date | None = None
    contas: list[Bill] = []
