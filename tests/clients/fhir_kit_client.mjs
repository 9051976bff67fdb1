// A session with fhir-kit-client. https://www.npmjs.com/package/fhir-kit-client
import assert from 'node:assert/strict';
import Client from 'fhir-kit-client';
import { LOINC, patient, reading, run, statuses, transaction } from './session.mjs';

const SYSTEM = 'urn:example:fhir-kit-client';
const client = new Client({ baseUrl: process.argv[2] });
const answerTo = (resource) => Client.httpFor(resource).response;
const resources = (bundle) => bundle.entry.map((entry) => entry.resource);

/** The promise fails with an OperationOutcome that says `reason`. */
async function refused(promise, status, reason = '') {
  await assert.rejects(promise, ({ response }) => {
    assert.equal(response.status, status);
    assert.equal(response.data.resourceType, 'OperationOutcome');
    assert.ok(JSON.stringify(response.data).includes(reason), JSON.stringify(response.data));
    return true;
  });
}

await run({
  async create(state) {
    const capabilities = new Client.CapabilityTool(await client.capabilityStatement());
    assert.ok(capabilities.resourceCan('Patient', 'create'));
    assert.ok(capabilities.resourceSearch('Patient', 'identifier'));
    const made = await client.create({ resourceType: 'Patient', body: patient(SYSTEM, '1') });
    assert.equal(answerTo(made).status, 201);
    assert.equal(answerTo(made).headers.get('etag'), 'W/"1"');
    assert.equal(answerTo(made).headers.get('location'), `${client.baseUrl}/Patient/${made.id}/_history/1`);
    state.patient = await client.read({ resourceType: 'Patient', id: made.id });
    assert.deepEqual(state.patient, made);
    const wrong = patient(SYSTEM, 'refused', { gender: 'unclear' });
    await refused(client.create({ resourceType: 'Patient', body: wrong }), 422, 'Patient.gender');
    await refused(client.read({ resourceType: 'Patient', id: 'nobody' }), 404);
  },

  async search({ patient: { id } }) {
    for (const day of [1, 2, 3, 4, 5]) {
      await client.create({ resourceType: 'Observation', body: reading(`Patient/${id}`, day) });
    }
    const searchParams = { patient: id, code: `${LOINC}|8867-4`, _sort: '-date', _count: 2 };
    const pages = [];
    let page = await client.search({ resourceType: 'Observation', searchParams });
    while (page) {
      pages.push(resources(page).map((observation) => observation.valueInteger));
      page = await client.nextPage({ bundle: page });
    }
    assert.deepEqual(pages, [[5, 4], [3, 2], [1]]);

    const posted = await client.search({ resourceType: 'Observation', searchParams, options: { postSearch: true } });
    assert.deepEqual(resources(posted).map((observation) => observation.valueInteger), [5, 4]);
    const second = await client.nextPage({ bundle: posted });
    assert.deepEqual(resources(second).map((observation) => observation.valueInteger), [3, 2]);

    const compartment = { resourceType: 'Patient', id };
    const own = await client.search({ resourceType: 'Observation', compartment, searchParams: { date: 'lt2024-05-03' } });
    assert.equal(own.entry.length, 2);
    const all = await client.search({ searchParams: { _type: 'Patient,Observation', _id: id } });
    assert.deepEqual(resources(all).map((found) => found.resourceType), ['Patient']);
    const included = await client.search({
      resourceType: 'Observation',
      searchParams: { patient: id, date: '2024-05-01', _include: 'Observation:subject' },
    });
    const subject = resources(included)[0].subject.reference;
    assert.equal((await client.resolve({ reference: subject, context: included })).id, id);
    assert.equal((await client.resolve({ reference: included.entry[1].fullUrl })).id, id);
    const unknown = { resourceType: 'Patient', searchParams: { 'no-such': 'x' } };
    await refused(client.search(unknown), 400, 'no-such');
  },

  async update({ patient: before }) {
    const { id } = before;
    const options = { headers: { 'If-Match': answerTo(before).headers.get('etag') } };
    const body = { ...before, birthDate: '1970-01-31' };
    const after = await client.update({ resourceType: 'Patient', id, body, options });
    assert.equal(answerTo(after).headers.get('etag'), 'W/"2"');
    assert.equal(after.birthDate, '1970-01-31');
    const stale = { ...before, birthDate: '1999-12-31' };
    await refused(client.update({ resourceType: 'Patient', id, body: stale, options }), 412, 'If-Match');
    const searchParams = { identifier: `${SYSTEM}|1` };
    const same = await client.update({ resourceType: 'Patient', searchParams, body: { ...body, meta: undefined } });
    assert.equal(same.id, id);
    assert.equal(same.meta.versionId, '2', 'nothing changed: no new version');
  },

  async 'conditional create'() {
    const body = patient(SYSTEM, 'once');
    const options = { headers: { 'If-None-Exist': `identifier=${SYSTEM}|once` } };
    const first = await client.create({ resourceType: 'Patient', body, options });
    const again = await client.create({ resourceType: 'Patient', body, options });
    assert.deepEqual([answerTo(first).status, answerTo(again).status], [201, 200]);
    assert.deepEqual(again, first);
    const several = { headers: { 'If-None-Exist': 'family=Rocha' } };
    await refused(client.create({ resourceType: 'Patient', body, options: several }), 412, 'multiple-matches');
  },

  async patch({ patient: { id } }) {
    const JSONPatch = [
      { op: 'test', path: '/birthDate', value: '1970-01-31' },
      { op: 'add', path: '/gender', value: 'female' },
    ];
    const options = { headers: { 'If-Match': 'W/"2"' } };
    const after = await client.patch({ resourceType: 'Patient', id, JSONPatch, options });
    assert.deepEqual([after.gender, after.birthDate, after.meta.versionId], ['female', '1970-01-31', '3']);
    await refused(client.patch({ resourceType: 'Patient', id, JSONPatch, options }), 412);
    JSONPatch[0].value = '2000-01-01';
    await refused(client.patch({ resourceType: 'Patient', id, JSONPatch }), 422);
  },

  async transaction() {
    const answer = await client.transaction({ body: transaction(SYSTEM) });
    assert.equal(answer.type, 'transaction-response');
    assert.deepEqual(statuses(answer), ['201', '201']);
    const found = await client.search({
      resourceType: 'Observation',
      searchParams: { 'patient.identifier': `${SYSTEM}|mother` },
    });
    const [mother] = resources(
      await client.search({ resourceType: 'Patient', searchParams: { identifier: `${SYSTEM}|mother` } }),
    );
    assert.deepEqual(resources(found).map(({ subject }) => subject.reference), [`Patient/${mother.id}`]);
    assert.deepEqual(statuses(await client.transaction({ body: transaction(SYSTEM) })), ['201', '200']);
    await refused(client.transaction({ body: transaction(SYSTEM, 'unclear') }), 422, 'Bundle.entry[0]');
    const batch = { ...transaction(SYSTEM, 'unclear'), type: 'batch' };
    batch.entry[0].resource.subject = { reference: `Patient/${mother.id}` };
    assert.deepEqual(statuses(await client.batch({ body: batch })), ['422', '200']);
  },

  async history({ patient: { id } }) {
    const history = await client.history({ resourceType: 'Patient', id });
    assert.deepEqual(resources(history).map(({ meta }) => meta.versionId), ['3', '2', '1']);
    assert.deepEqual(history.entry.map(({ request }) => request.method), ['PATCH', 'PUT', 'POST']);
    const first = await client.vread({ resourceType: 'Patient', id, version: '1' });
    assert.equal(first.birthDate, undefined);
    const last = await client.create({ resourceType: 'Basic', body: { resourceType: 'Basic', code: { text: 'last' } } });
    await client.delete({ resourceType: 'Basic', id: last.id });
    await refused(client.read({ resourceType: 'Basic', id: last.id }), 410);
    const ofType = await client.history({ resourceType: 'Basic' });
    assert.deepEqual(ofType.entry.map(({ request }) => request.method), ['DELETE', 'POST']);
    const ofAll = await client.history();
    assert.equal(ofAll.entry[0].request.url, `Basic/${last.id}`);
    const { issue } = await client.operation({
      name: 'validate', resourceType: 'Patient', input: patient(SYSTEM, 'valid'),
    });
    assert.ok(issue.every(({ severity }) => severity === 'information' || severity === 'warning'));
  },
});
