-- Security labels, what consents come to, and who has broken the glass.
create table label (
  rid bigint primary key,
  labels smallint not null
);

create table consent_effect (
  patient_rid bigint not null,
  consent_rid bigint not null,
  category bigint not null,
  made bigint not null,
  depth smallint not null,
  permits boolean not null,
  purposes smallint not null,
  labels smallint not null,
  low bigint not null,
  high bigint not null,
  actors text[],
  types smallint[],
  codes bigint[],
  data bigint[],
  data_low bigint,
  data_high bigint
);
create index consent_effect_patient on consent_effect (patient_rid);
create index consent_effect_consent on consent_effect (consent_rid);

create table break_glass (
  subject text not null,
  patient_rid bigint not null,
  since bigint not null,
  until bigint not null,
  primary key (subject, patient_rid)
);
