// A session with @medplum/core. https://www.npmjs.com/package/@medplum/core
import assert from 'node:assert/strict';
import { MedplumClient, OperationOutcomeError } from '@medplum/core';
import { patient, reading, run, statuses, transaction } from './session.mjs';

const SYSTEM = 'urn:example:medplum';
const base = new URL(process.argv[2]);
const client = new MedplumClient({ baseUrl: base.origin, fhirUrlPath: base.pathname, fetch });
const ifMatch = (version) => ({ headers: { 'If-Match': `W/"${version}"` } });

/** The promise fails with an OperationOutcome that says `reason`. */
async function refused(promise, reason) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof OperationOutcomeError, error);
    assert.ok(JSON.stringify(error.outcome).includes(reason), JSON.stringify(error.outcome));
    return true;
  });
}

await run({
  async create(state) {
    state.patient = await client.createResource(patient(SYSTEM, '1'));
    assert.equal(state.patient.meta.versionId, '1');
    assert.deepEqual(await client.readResource('Patient', state.patient.id), state.patient);
    await refused(client.createResource(patient(SYSTEM, 'refused', { gender: 'unclear' })), 'Patient.gender');
    await refused(client.readResource('Patient', 'nobody'), 'not-found');
  },

  async search({ patient: { id } }) {
    for (const day of [1, 2, 3, 4, 5]) {
      await client.createResource(reading(`Patient/${id}`, day));
    }
    const query = { subject: `Patient/${id}`, _sort: '-date', _count: 2 };
    const pages = [];
    for await (const page of client.searchResourcePages('Observation', query)) {
      pages.push(page.map((observation) => observation.valueInteger));
    }
    assert.deepEqual(pages, [[5, 4], [3, 2], [1]]);
    const bundle = await client.search('Observation', { ...query, _total: 'accurate', _include: 'Observation:subject' });
    assert.equal(bundle.total, 5);
    assert.deepEqual(bundle.entry.map(({ search }) => search.mode), ['match', 'match', 'include']);
    const found = await client.searchOne('Patient', `identifier=${SYSTEM}|1`);
    assert.equal(found.id, id);
    assert.equal((await client.readReference({ reference: `Patient/${id}` })).id, id);
    await refused(client.search('Patient', { 'no-such': 'x' }), 'no-such');
  },

  async update({ patient: before }) {
    const after = await client.updateResource({ ...before, birthDate: '1970-01-31' }, ifMatch(1));
    assert.deepEqual([after.birthDate, after.meta.versionId], ['1970-01-31', '2']);
    await refused(client.updateResource({ ...before, birthDate: '1999-12-31' }, ifMatch(1)), 'If-Match');
    const same = await client.updateResource(after);
    assert.equal(same.meta.versionId, '2', 'nothing changed: no new version');
    const upserted = await client.upsertResource(patient(SYSTEM, 'upsert'), { identifier: `${SYSTEM}|upsert` });
    const again = await client.upsertResource(
      patient(SYSTEM, 'upsert', { gender: 'male' }), { identifier: `${SYSTEM}|upsert` },
    );
    assert.deepEqual([again.id, again.meta.versionId], [upserted.id, '2']);
  },

  async 'conditional create'() {
    const query = `identifier=${SYSTEM}|once`;
    const first = await client.createResourceIfNoneExist(patient(SYSTEM, 'once'), query);
    assert.equal(first.meta.versionId, '1');
    assert.deepEqual(await client.createResourceIfNoneExist(patient(SYSTEM, 'once'), query), first);
    assert.equal((await client.searchResources('Patient', query)).length, 1);
    await refused(client.createResourceIfNoneExist(patient(SYSTEM, 'twice'), 'family=Rocha'), 'multiple-matches');
  },

  async patch({ patient: { id } }) {
    const operations = [
      { op: 'test', path: '/birthDate', value: '1970-01-31' },
      { op: 'add', path: '/gender', value: 'female' },
    ];
    const after = await client.patchResource('Patient', id, operations, ifMatch(2));
    assert.deepEqual([after.gender, after.birthDate, after.meta.versionId], ['female', '1970-01-31', '3']);
    await refused(client.patchResource('Patient', id, operations, ifMatch(2)), 'If-Match');
    operations[0].value = '2000-01-01';
    await refused(client.patchResource('Patient', id, operations), 'test');
  },

  async transaction() {
    const answer = await client.executeBatch(transaction(SYSTEM));
    assert.equal(answer.type, 'transaction-response');
    assert.deepEqual(statuses(answer), ['201', '201']);
    const mother = await client.searchOne('Patient', { identifier: `${SYSTEM}|mother` });
    const observations = await client.searchResources('Observation', { subject: `Patient/${mother.id}` });
    assert.deepEqual(observations.map(({ subject }) => subject.reference), [`Patient/${mother.id}`]);
    assert.deepEqual(statuses(await client.executeBatch(transaction(SYSTEM))), ['201', '200']);
    await refused(client.executeBatch(transaction(SYSTEM, 'unclear')), 'Bundle.entry[0]');

    // Reads of the same moment go as one batch.
    const batching = new MedplumClient({
      baseUrl: base.origin, fhirUrlPath: base.pathname, fetch, autoBatchTime: 5, cacheTime: 0,
    });
    const [person, found] = await Promise.all([
      batching.readResource('Patient', mother.id),
      batching.search('Observation', { subject: `Patient/${mother.id}` }),
    ]);
    assert.deepEqual([person.id, found.entry.length], [mother.id, 2]);
  },

  async history({ patient: { id } }) {
    const history = await client.readHistory('Patient', id);
    assert.deepEqual(history.entry.map(({ resource }) => resource.meta.versionId), ['3', '2', '1']);
    assert.deepEqual(history.entry.map(({ request }) => request.method), ['PATCH', 'PUT', 'POST']);
    assert.equal((await client.readVersion('Patient', id, '1')).birthDate, undefined);
    const outcome = await client.validateResource(patient(SYSTEM, 'valid'));
    assert.equal(outcome.resourceType, 'OperationOutcome');
    const last = await client.createResource(patient(SYSTEM, 'last'));
    await client.deleteResource('Patient', last.id);
    await refused(client.readResource('Patient', last.id), 'deleted');
    const ended = await client.readHistory('Patient', last.id);
    assert.deepEqual(ended.entry.map(({ request }) => request.method), ['DELETE', 'POST']);
  },
});
