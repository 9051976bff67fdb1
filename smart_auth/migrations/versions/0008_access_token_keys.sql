-- Access tokens are signed as PS256, which is checked in a third of the time that ES256 takes. Those signed before are
-- taken no more: they would have ended within the hour, and apps ask for others.

delete from auth.signing_key where alg = 'ES256';
alter table auth.signing_key drop constraint signing_key_alg_check;
alter table auth.signing_key add constraint signing_key_alg_check check (alg in ('PS256', 'RS256'));
